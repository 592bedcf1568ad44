"""Records in, records and frames out."""
from workbench.records import Item

def test_a_record_comes_back(store):
    item = Item(id="shop/1", category="mugs", price=5, aspects={"Color": ("Red", "Blue")})
    assert store.add([item]).new == 1
    assert store.find(Item, "shop/1") == item
