"""How far people agree, what one of them would reach as a judge, and many answers brought to one."""
