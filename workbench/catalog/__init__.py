"""Where items come from: tables, folders, shops, and a catalogue drawn by us."""
