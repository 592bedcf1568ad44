"""Tables as shops export them: their formats, encodings and mistakes."""

import gzip
import http.server
import json
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.catalog import open_catalog
from workbench.catalog.tables import TableCatalog
from workbench.errors import CatalogError
from workbench.records import Item, Problem

MUGS = """sku,name,cost,colour,photos,seen,clicked
m1,Dawn mug,"$1,299.00",Red,a.jpg|b.jpg,100,7
m2,Dusk mug,12,Blue,,,
"""
MAPPING = {
    "id": "sku",
    "title": "name",
    "price": "cost",
    "aspect.Color": "colour",
    "photo": "photos",
    "impressions": "seen",
    "clicks": "clicked",
}


@pytest.fixture
def table(tmp_path):
    """Writes a table and opens it."""

    def write(content, mapping=None, name="mugs.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return TableCatalog(path, mapping)

    return write


def split(catalog):
    found = list(catalog.items())
    return [f for f in found if isinstance(f, Item)], [f for f in found if isinstance(f, Problem)]


FIRST = Item(
    id="mugs/m1",
    category="",
    photos=("a.jpg", "b.jpg"),
    title="Dawn mug",
    aspects={"Color": ("Red",)},
    price=1299.0,
    currency="USD",
    clicks=7,
    impressions=100,
)
SECOND = Item(id="mugs/m2", category="", title="Dusk mug", aspects={"Color": ("Blue",)}, price=12.0)


class TestForms:
    def test_csv_with_a_mapping(self, table):
        assert split(table(MUGS, MAPPING)) == ([FIRST, SECOND], [])

    def test_items_can_be_read_again(self, table):
        catalog = table(MUGS, MAPPING)
        assert split(catalog) == split(catalog)

    def test_a_mapping_in_an_address(self, tmp_path):
        (tmp_path / "mugs.csv").write_text(MUGS)
        query = "&".join(f"{field}={column}" for field, column in MAPPING.items())
        assert split(open_catalog(f"table:{tmp_path / 'mugs.csv'}?{query}")) == (
            [FIRST, SECOND],
            [],
        )

    def test_a_mapping_in_a_file_beside_the_table_and_the_address_wins(self, tmp_path):
        (tmp_path / "mugs.csv").write_text(MUGS)
        (tmp_path / "mugs.yaml").write_text(
            "".join(f"{field}: {column}\n" for field, column in MAPPING.items())
        )
        assert split(open_catalog(f"table:{tmp_path / 'mugs.csv'}")) == ([FIRST, SECOND], [])
        items, _ = split(open_catalog(f"table:{tmp_path / 'mugs.csv'}?title=colour"))
        assert [item.title for item in items] == ["Red", "Blue"]

    def test_columns_with_the_names_of_fields_need_no_mapping(self, table):
        items, problems = split(
            table('ID,Title,aspect.Color,aspects\n1,Mug,Red,"{""Size"": ""L""}"\n')
        )
        assert problems == []
        assert items == [
            Item(id="mugs/1", category="", title="Mug", aspects={"Size": ("L",), "Color": ("Red",)})
        ]

    @pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
    def test_the_delimiter_is_found_out(self, table, sign):
        text = f"id{sign}title{sign}price\n" + f"1{sign}Mug, with; tea{sign}5\n".replace(
            "Mug, with; tea", '"Mug, with; tea | and\tcup"'
        )
        items, problems = split(table(text))
        assert problems == []
        assert (items[0].title, items[0].price) == ("Mug, with; tea | and\tcup", 5.0)

    def test_json_lines(self, table):
        lines = [
            {"id": "m1", "title": "Dawn mug", "photo": ["a.jpg", "b.jpg"], "price": 1299}
            | {"currency": "USD", "aspect.Color": "Red", "clicks": 7, "impressions": 100},
            {"id": "m2", "title": "Dusk mug", "price": 12.0, "aspects": {"Color": "Blue"}},
        ]
        text = "\n\n".join(map(json.dumps, lines))
        assert split(table(text, name="mugs.jsonl")) == ([FIRST, SECOND], [])

    def test_parquet(self, tmp_path):
        rows = {
            "sku": ["m1", "m2"],
            "name": ["Dawn mug", "Dusk mug"],
            "cost": ["$1,299.00", "12"],
            "colour": ["Red", "Blue"],
            "photos": [["a.jpg", "b.jpg"], None],
            "seen": [100, None],
            "clicked": [7, None],
            "unused": [b"\x00", None],
        }
        pq.write_table(pa.table(rows), tmp_path / "mugs.parquet")
        assert split(TableCatalog(tmp_path / "mugs.parquet", MAPPING)) == ([FIRST, SECOND], [])

    def test_parquet_numbers_and_maps(self, tmp_path):
        aspects = pa.array([[("Color", "Red")]], pa.map_(pa.string(), pa.string()))
        rows = pa.table({"id": [7], "price": [float("nan")], "clicks": [3.0], "aspects": aspects})
        pq.write_table(rows, tmp_path / "t.parquet")
        items, problems = split(TableCatalog(tmp_path / "t.parquet"))
        assert problems == []
        assert items == [Item(id="t/7", category="", aspects={"Color": ("Red",)}, clicks=3)]

    @pytest.mark.parametrize("name", ["mugs.csv.gz", "mugs.tsv.gz"])
    def test_gzipped(self, tmp_path, name):
        text = MUGS if "csv" in name else "sku\tname\nm1\tDawn mug\n"
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
        items, problems = split(TableCatalog(tmp_path / name, {"id": "sku", "title": "name"}))
        assert problems == []
        assert items[0].title == "Dawn mug"
        assert items[0].id == "mugs/m1"

    def test_text_with_columns_in_braces(self, table):
        mapping = {"id": "sku", "photo": "img/{sku}_{colour}.jpg", "title": "{colour} mug"}
        items, _ = split(table("sku,colour\nm1,Red\nm2,\n", mapping))
        assert [(item.photos, item.title) for item in items] == [
            (("img/m1_Red.jpg",), "Red mug"),
            ((), None),
        ]

    def test_a_currency_for_the_whole_table(self, table):
        text = "id,price\n1,5\n2,$5\n3,CHF 5\n"
        items, _ = split(table(text, {"currency": "CAD"}))
        assert [item.currency for item in items] == ["CAD", "CAD", "CHF"]
        items, _ = split(table(text))
        assert [item.currency for item in items] == [None, "USD", "CHF"]


class TestEncodings:
    def test_utf_8_with_and_without_a_mark(self, table):
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            items, problems = split(table("id,title\n1,Käse-Glöckchen ☕\n".encode(encoding)))
            assert ([item.title for item in items], problems) == (["Käse-Glöckchen ☕"], [])

    def test_latin_1_is_read_and_reported_with_its_first_line(self, table):
        text = "id,title\n1,Mug\n2,Käse\n3,Öl\n"
        items, problems = split(table(text.encode("latin-1")))
        assert [item.title for item in items] == ["Mug", "Käse", "Öl"]
        (problem,) = problems
        assert problem.row == 3
        assert problem.source.endswith("mugs.csv")
        assert problem.reason == "want UTF-8, got byte 0xe4; the whole file is read as Latin-1"

    def test_a_wrong_byte_far_down_is_found_too(self, table):
        lines = "".join(f"{n},{'Mug é ' * 200}\n" for n in range(3_000))  # 4 MB
        items, problems = split(table(f"id,title\n{lines}".encode() + "x,Käse\n".encode("latin-1")))
        assert len(items) == 3_001
        assert [problem.row for problem in problems] == [3_002]


class TestBrokenRows:
    def test_each_is_named_and_the_rest_is_loaded(self, table):
        text = (
            "id,title,price,clicks,impressions,aspects\n"
            "1,good,5,1,2,\n"
            "2,no price,lots,1,2,\n"
            "3,more clicks,5,9,2,\n"
            "1,again,5,1,2,\n"
            ",no id,5,1,2,\n"
            "4,short\n"
            '5,"two\nlines",5,x,2,red\n'
            "6,long,5,1,2,,,\n"
            "7,last,5,,,\n"
        )
        items, problems = split(table(text))
        assert [item.id.removeprefix("mugs/") for item in items] == ["1", "2", "3", "5", "7"]
        assert (items[1].price, items[2].clicks, items[2].impressions) == (None, None, None)
        assert (items[3].title, items[3].clicks, items[3].impressions) == ("two\nlines", None, 2)
        assert [(problem.row, problem.reason) for problem in problems] == [
            (3, "price: want a price, got 'lots'; loaded without it"),
            (
                4,
                "want at most as many clicks as impressions, got 9 clicks of 2; loaded without either",
            ),
            (5, "want an id that no row above has, got '1' again; left out"),
            (6, "want an id, got an empty cell; left out"),
            (7, "want 6 cells as in the header, got 2; left out"),
            (8, "clicks: want a count of 0 or more, got 'x'; loaded without it"),
            (
                8,
                "aspects: want aspects as a JSON object, got 'red' "
                "(Expecting value: line 1 column 1 (char 0)); loaded without it",
            ),
            (10, "want 6 cells as in the header, got 8; left out"),
        ]

    def test_a_quote_that_never_ends_is_one_problem_and_not_an_endless_cell(self, table):
        rows = "".join(f"{n},Mug {n} {'x' * 50}\n" for n in range(10, 10_000))
        items, problems = split(table(f'id,title\n1,good\n2,"no end\n{rows}'))
        assert items[0].title == "good"
        assert problems[0].row == 3
        assert "no CSV (field larger than field limit" in problems[0].reason
        assert len(items) + len(problems) > 5_000  # what came after the limit is read again

    def test_broken_json_lines(self, table):
        text = '{"id": 1}\n{"id": 2\n[3]\n{"id": 4, "price": NaN}\n{"id": 5}\n'
        items, problems = split(table(text, name="mugs.jsonl"))
        assert [item.id for item in items] == ["mugs/1", "mugs/5"]
        assert [problem.row for problem in problems] == [2, 3, 4]
        assert "want a JSON object on one line, got '[3]'" in problems[1].reason
        assert "NaN is no JSON" in problems[2].reason

    def test_json_that_is_nested_too_deep(self, table):
        items, problems = split(table("[" * 100_000 + '\n{"id": 1}\n', name="mugs.jsonl"))
        assert ([item.id for item in items], problems[0].row) == (["mugs/1"], 1)
        assert len(problems[0].reason) < 300

    def test_json_lines_without_ids_are_numbered(self, table):
        items, _ = split(table('{"title": "a"}\n{"title": "b"}\n', name="mugs.jsonl"))
        assert [item.id for item in items] == ["mugs/1", "mugs/2"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("mapping", "said"),
        [
            ({"titel": "name"}, "unknown field 'titel'; did you mean 'title'?"),
            ({"title": "nam"}, "title=nam: no column 'nam'; did you mean 'name'?"),
            ({"photo": "img/{skew}.jpg"}, "no column 'skew'; did you mean 'sku'?"),
            ({"title": "name", "decimal": ";"}, "want decimal=. or decimal=, got ';'"),
            ({"title": "name", "separator": ""}, "want a separator of at least one character"),
            ({}, "It has: sku"),
        ],
    )
    def test_a_mapping_that_does_not_fit(self, table, mapping, said):
        with pytest.raises(CatalogError) as raised:
            table(MUGS, mapping)
        assert said in str(raised.value)

    def test_files_that_are_no_tables(self, table, tmp_path):
        with pytest.raises(CatalogError, match=r"want a table that ends in \.csv"):
            table("x", name="mugs.docx")
        with pytest.raises(CatalogError, match="which is no file"):
            TableCatalog(tmp_path / "none.csv")
        with pytest.raises(CatalogError, match="is no Parquet file"):
            table("no parquet", name="mugs.parquet")
        with pytest.raises(CatalogError, match=r"cannot read .*gz"):
            table("no gzip", name="mugs.csv.gz")
        with pytest.raises(CatalogError, match="two columns 'id'; rename one"):
            table("id,title,id\n1,a,2\n")

    def test_a_mapping_file_names_its_line(self, tmp_path):
        (tmp_path / "mugs.csv").write_text(MUGS)
        (tmp_path / "mugs.yml").write_text("title: name\nprice: [cost]\n")
        with pytest.raises(CatalogError, match=r"mugs\.yml:2: price: want a column's name"):
            TableCatalog(tmp_path / "mugs.csv")


class TestPhotos:
    def test_paths_start_at_the_table(self, table, tmp_path, photo_bytes):
        (tmp_path / "img").mkdir()
        (tmp_path / "img/a.png").write_bytes(photo_bytes())
        catalog = table("id,photo\n1,img/a.png\n")
        assert catalog.photo("img/a.png") == photo_bytes()
        assert catalog.photo(str(tmp_path / "img/a.png")) == photo_bytes()
        with pytest.raises(CatalogError, match=r"cannot read photo '.*img/b\.png': No such file"):
            catalog.photo("img/b.png")

    def test_photos_on_a_web_server(self, table, tmp_path, photo_bytes):
        (tmp_path / "a.png").write_bytes(photo_bytes())

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=str(tmp_path))

            def log_message(self, *args):
                pass

        catalog = table("id\n1\n")
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            root = f"http://127.0.0.1:{server.server_port}"
            assert catalog.photo(f"{root}/a.png") == photo_bytes()
            with pytest.raises(CatalogError, match="the server answers 404"):
                catalog.photo(f"{root}/b.png")
            server.shutdown()
        with pytest.raises(CatalogError, match="cannot read photo 'http://127"):
            catalog.photo(f"{root}/a.png")

    def test_photos_at_an_fsspec_address(self, table, tmp_path, photo_bytes):
        (tmp_path / "a.png").write_bytes(photo_bytes())
        catalog = table("id\n1\n")
        assert catalog.photo(f"file://{tmp_path}/a.png") == photo_bytes()
        with pytest.raises(CatalogError, match="cannot read photo 'nowhere://x'"):
            catalog.photo("nowhere://x")

    def test_a_file_of_another_kind_of_size_is_not_read(self, table, tmp_path, monkeypatch):
        (tmp_path / "a.png").write_bytes(bytes(3 << 20))
        monkeypatch.setattr("workbench.catalog._addresses.MAX_BYTES", 2 << 20)
        with pytest.raises(CatalogError, match="more than 2 MiB; scale it down"):
            table("id\n1\n").photo("a.png")


class TestSchema:
    def test_it_says_what_occurs(self, table):
        text = "id,category,aspect.Color,aspect.Name\n" + "".join(
            f"{n},Kitchen > Mugs,{'Red|Blue' if n == 3 else 'Red'},Mug {n}\n" for n in range(10)
        )
        catalog = table(text + "x,,,\n")
        assert set(catalog.schema.categories) == {"Kitchen > Mugs", ""}
        mugs = catalog.schema.categories["Kitchen > Mugs"]
        assert (mugs.name, mugs.path) == ("Mugs", ("Kitchen", "Mugs"))
        color, name = mugs.attributes
        assert (color.name, color.values, color.visible, color.multiple) == (
            *("Color", ("Red", "Blue"), "yes", True),
        )
        assert (name.name, name.values, name.multiple) == ("Name", (), False)

    def test_a_taxonomy_gives_the_categories(self, table, taxonomy):
        text = "id,category\n1,cup-1\n2,Kitchen > Mugs\n3,Cars\n4,\n"
        catalog = table(text, {"taxonomy": str(taxonomy())})
        items, problems = split(catalog)
        assert [item.category for item in items] == ["cup-1", "cup-1", "", ""]
        assert [(problem.row, problem.reason) for problem in problems] == [
            (4, "want a category of the taxonomy, got 'Cars'; loaded without it")
        ]
        assert catalog.schema.name == "shopify"


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """Ids are kept (to know them again); rows are not: these 6,000 are 24 MB."""
    import tracemalloc

    path = tmp_path / "big.csv"
    with path.open("w") as file:
        file.write("id,description\n")
        file.writelines(f"{n},{'tea ' * 1000}\n" for n in range(6_000))
    catalog = TableCatalog(path)
    tracemalloc.start()
    try:
        assert sum(1 for _ in catalog.items()) == 6_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 << 20


def test_real_seller_photos_with_their_table(real_data):
    address = f"table:{real_data}/garments/images.csv?id=image&photo=images/{{image}}.jpg"
    items, problems = split(open_catalog(f"{address}&category=label&group=sender_id"))
    assert (len(items), problems) == (1200, [])
    assert len({item.category for item in items}) == 10
