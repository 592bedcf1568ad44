"""Photos as sellers upload them: every file here is made for real, by Pillow or byte by byte."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageCms

from workbench.errors import CatalogError, PhotoError
from workbench.photos import FORMATS, MAX_PIXELS, SUFFIXES, open_photo

RED, BLUE, WHITE = (220, 30, 30), (30, 30, 220), (255, 255, 255)


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def scene(size=(60, 40)):
    """Left half red, right half blue, top left corner white: no turn leaves it as it is."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    image.paste(WHITE, (0, 0, size[0] // 5, size[1] // 4))
    return image


def furthest(one, other):
    """Largest difference of any channel of any pixel."""
    return max(high for _, high in ImageChops.difference(one, other).getextrema())


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_named_is_read(kind):
    options = {"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}
    image = open_photo(encoded(Image.new("RGB", (64, 48), RED), kind, **options), where="x")
    assert (image.mode, image.size) == ("RGB", (64, 48))
    assert furthest(image, Image.new("RGB", (64, 48), RED)) <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("max_side", [None, 30])
def test_a_photo_stands_upright_whichever_way_the_camera_was_held(orientation, kind, max_side):
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = scene()
    for turn in undo.get(orientation, []):
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"PNG": {}, "TIFF": {}, "JPEG": {"quality": 95}, "WEBP": {"lossless": True}}[kind]
    image = open_photo(encoded(stored, kind, exif=exif, **options), where="x", max_side=max_side)
    assert image.size == ((60, 40) if max_side is None else (30, 20))
    for at, colour in [((0.05, 0.1), WHITE), ((0.3, 0.8), RED), ((0.8, 0.1), BLUE)]:
        pixel = image.getpixel((int(at[0] * image.width), int(at[1] * image.height)))
        assert max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) <= 40, (at, pixel)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow says so, and reads the picture
def test_a_damaged_exif_block_does_not_cost_the_picture():
    good = encoded(scene(), "JPEG")
    block = b"Exif\0\0" + b"II*\0" + b"\xff" * 40
    data = good[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + good[2:]
    assert open_photo(data, where="x").size == (60, 40)


class TestTransparency:
    def test_clear_parts_are_white_and_half_clear_parts_are_half_white(self):
        image = Image.new("RGBA", (3, 1))
        image.putdata([(0, 0, 0, 0), (0, 0, 0, 255), (200, 0, 0, 128)])
        shown = open_photo(encoded(image, "PNG"), where="x")
        assert shown.mode == "RGB"
        pixels = [shown.getpixel((x, 0)) for x in range(3)]
        assert pixels[:2] == [(255, 255, 255), (0, 0, 0)]
        assert all(abs(a - b) <= 1 for a, b in zip(pixels[2], (227, 127, 127), strict=True))

    def test_grey_with_alpha(self):
        image = Image.new("LA", (2, 1))
        image.putdata([(10, 0), (10, 255)])
        shown = open_photo(encoded(image, "PNG"), where="x")
        assert [shown.getpixel((x, 0)) for x in range(2)] == [(255,) * 3, (10,) * 3]

    @pytest.mark.parametrize("transparency", [0, bytes([0, 255])])
    def test_a_palette_with_one_clear_colour(self, transparency):
        image = Image.new("P", (2, 1))
        image.putpalette([10, 20, 30, *RED])
        image.putdata([0, 1])
        shown = open_photo(encoded(image, "PNG", transparency=transparency), where="x")
        assert [shown.getpixel((x, 0)) for x in range(2)] == [WHITE, RED]

    def test_one_colour_of_an_rgb_png_named_clear(self):
        image = Image.new("RGB", (2, 1), RED)
        image.putpixel((0, 0), (1, 2, 3))
        shown = open_photo(encoded(image, "PNG", transparency=(1, 2, 3)), where="x")
        assert [shown.getpixel((x, 0)) for x in range(2)] == [WHITE, RED]


def test_a_palette_without_transparency_keeps_its_colours():
    shown = open_photo(encoded(scene().quantize(8), "GIF"), where="x")
    assert furthest(shown, scene()) <= 2


def test_black_and_white_and_grey():
    assert (
        open_photo(encoded(Image.new("1", (4, 4), 1), "PNG"), where="x").getpixel((0, 0)) == WHITE
    )
    assert open_photo(encoded(Image.new("L", (4, 4), 77), "PNG"), where="x").getpixel((0, 0)) == (
        77,
        77,
        77,
    )


class TestInks:
    def test_cmyk_as_adobe_writes_it(self):
        data = encoded(scene().convert("CMYK"), "JPEG", quality=95)
        assert b"Adobe" in data
        shown = open_photo(data, where="x")
        assert shown.mode == "RGB"
        assert furthest(shown.crop((15, 20, 25, 35)), Image.new("RGB", (10, 15), RED)) <= 12

    def test_cmyk_without_adobes_marker_is_not_inverted(self):
        """The same inks stored plainly: Pillow alone would show the negative."""
        negative = ImageChops.invert(scene().convert("CMYK"))  # Pillow inverts what it writes
        data = encoded(negative, "JPEG", quality=95)
        at = data.index(b"\xff\xee")
        length = struct.unpack(">H", data[at + 2 : at + 4])[0]
        assert data[at + 4 : at + 9] == b"Adobe"
        plain = data[:at] + data[at + 2 + length :]
        shown = open_photo(plain, where="x")
        assert furthest(shown.crop((15, 20, 25, 35)), Image.new("RGB", (10, 15), RED)) <= 12

    def test_cmyk_in_a_tiff(self):
        shown = open_photo(encoded(scene().convert("CMYK"), "TIFF"), where="x")
        assert furthest(shown, scene()) <= 1


class TestProfiles:
    def swapped(self):
        """A profile in which red light is what sRGB calls blue, and the other way round."""
        plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        return plain.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
    def test_colours_are_those_that_the_profile_means(self, kind):
        image = Image.new("RGB", (32, 32), RED)
        options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
        shown = open_photo(encoded(image, kind, icc_profile=self.swapped(), **options), where="x")
        assert furthest(shown, Image.new("RGB", (32, 32), RED[::-1])) <= 4

    def test_srgb_changes_nothing(self):
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        shown = open_photo(encoded(scene(), "PNG", icc_profile=profile), where="x")
        assert furthest(shown, scene()) <= 1

    @pytest.mark.parametrize("profile", [b"no profile", b""])
    @pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
    def test_a_damaged_profile_does_not_cost_the_picture(self, profile, mode):
        data = encoded(scene().convert(mode), "TIFF", icc_profile=profile)
        shown = open_photo(data, where="x")
        assert furthest(shown, scene().convert(mode).convert("RGB")) <= 1

    def test_a_profile_for_another_mode_is_passed_over(self):
        data = encoded(scene().convert("CMYK"), "TIFF", icc_profile=self.swapped())
        assert furthest(open_photo(data, where="x"), scene()) <= 1


class TestDeepPictures:
    def png(self, depth, kind, rows):
        """A PNG written byte by byte: Pillow writes no 16-bit colour."""

        def chunk(name, body):
            return (
                struct.pack(">I", len(body))
                + name
                + body
                + struct.pack(">I", zlib.crc32(name + body))
            )

        width = len(rows[0]) // {0: 1, 2: 3}[kind]
        raw = b"".join(b"\0" + struct.pack(f">{len(row)}H", *row) for row in rows)
        head = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(raw))
            + chunk(b"IEND", b"")
        )

    def test_sixteen_bit_grey_is_scaled_and_not_cut_off_at_255(self):
        shown = open_photo(self.png(16, 0, [[0, 32896, 65535]]), where="x")
        assert [shown.getpixel((x, 0)) for x in range(3)] == [(0,) * 3, (128,) * 3, (255,) * 3]

    def test_a_dark_sixteen_bit_picture_stays_dark(self):
        shown = open_photo(self.png(16, 0, [[0, 200, 250]]), where="x")
        assert shown.getpixel((2, 0)) == (1, 1, 1)

    def test_sixteen_bit_colour(self):
        shown = open_photo(self.png(16, 2, [[65535, 0, 32896]]), where="x")
        assert shown.getpixel((0, 0)) == (255, 0, 128)

    def test_floats_from_0_to_1(self):
        values = np.array([[0.0, 0.5, 1.0]], dtype=np.float32)
        shown = open_photo(encoded(Image.fromarray(values), "TIFF"), where="x")
        assert [shown.getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]

    def test_values_that_are_no_grey_are_refused(self):
        values = np.array([[0.0, np.nan, -4.0]], dtype=np.float32)
        with pytest.raises(PhotoError, match=r"scan\.tif: want grey values from 0 to 65535"):
            open_photo(encoded(Image.fromarray(values), "TIFF"), where="scan.tif")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation_gives_its_first_frame(kind):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE, WHITE)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
    shown = open_photo(data, where="x")
    assert furthest(shown, Image.new("RGB", (16, 16), RED)) <= 8


class TestSize:
    def bomb(self, width, height):
        """A PNG of a few bytes whose header promises width x height pixels."""
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        body = b"IHDR" + head
        return (
            b"\x89PNG\r\n\x1a\n"
            + struct.pack(">I", 13)
            + body
            + struct.pack(">I", zlib.crc32(body))
            + struct.pack(">I", 0)
            + b"IDAT"
            + struct.pack(">I", zlib.crc32(b"IDAT"))
        )

    @pytest.mark.parametrize("side", [9_000, 12_000, 60_000])
    def test_too_many_pixels_are_refused_before_they_are_decoded(self, side):
        """Below and above the sizes at which Pillow itself warns and refuses."""
        assert side * side > MAX_PIXELS
        with pytest.raises(
            PhotoError, match=r"b\.png: want at most 80,000,000 pixels.*scale it down"
        ):
            open_photo(self.bomb(side, side), where="b.png")

    def test_a_big_jpeg_is_decoded_small(self, monkeypatch):
        data = encoded(scene((3000, 2000)), "JPEG", quality=80)
        decoded = []
        load = Image.Image.load

        def noted(self):
            decoded.append(self.size)
            return load(self)

        monkeypatch.setattr(Image.Image, "load", noted)
        shown = open_photo(data, where="x", max_side=200)
        assert shown.size == (200, 133)
        assert max(width for width, _ in decoded) == 750  # a quarter: an eighth would be blurred
        assert furthest(shown.crop((50, 60, 90, 120)), Image.new("RGB", (40, 60), RED)) <= 12

    def test_a_small_photo_is_not_blown_up(self):
        assert open_photo(encoded(scene(), "JPEG"), where="x", max_side=500).size == (60, 40)

    def test_a_very_long_photo_keeps_one_pixel(self):
        assert open_photo(encoded(scene((4000, 3)), "JPEG"), where="x", max_side=10).size == (10, 1)

    def test_a_side_of_no_pixels_is_a_mistake(self):
        with pytest.raises(ValueError, match="at least 1 pixel, got 0"):
            open_photo(encoded(scene(), "PNG"), where="x", max_side=0)


class TestNoPicture:
    def test_zero_bytes(self):
        with pytest.raises(PhotoError, match=r"a/b\.jpg: .*zero bytes"):
            open_photo(b"", where="a/b.jpg")

    def test_a_page_that_says_not_found(self):
        with pytest.raises(PhotoError, match=r"u: want JPEG, .*got bytes that start with b'<html>"):
            open_photo(b"<html>404 not found</html>", where="u")

    @pytest.mark.parametrize("brand", [b"heic", b"mif1", b"hevc"])
    def test_heic_is_named(self, brand):
        data = struct.pack(">I", 24) + b"ftyp" + brand + b"\0\0\0\0" + b"mif1heic" + bytes(100)
        with pytest.raises(
            PhotoError, match="got HEIC, which is not supported; convert it to JPEG"
        ):
            open_photo(data, where="IMG_1.HEIC")

    def test_no_decoder_that_starts_a_program_is_reached(self):
        eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
        assert Image.open(io.BytesIO(eps)).format == "EPS"
        with pytest.raises(PhotoError, match="%!PS-Adobe"):
            open_photo(eps, where="x")

    @pytest.mark.parametrize("kind", FORMATS)
    @pytest.mark.parametrize("kept", [0.3, 0.9])
    def test_a_file_that_is_cut_off(self, kind, kept):
        noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        data = encoded(Image.fromarray(noise), kind)
        with pytest.raises(PhotoError, match=r"up\.x: want "):
            open_photo(data[: int(len(data) * kept)], where="up.x")

    @pytest.mark.filterwarnings(
        "ignore"
    )  # decoders may warn of broken bytes; only errors matter here
    @pytest.mark.parametrize("kind", FORMATS)
    def test_flipped_bytes_give_a_picture_or_a_photo_error(self, kind):
        rng = np.random.default_rng(7)
        whole = encoded(scene(), kind)
        broken = 0
        for _ in range(60):
            data = bytearray(whole)
            for at in rng.integers(0, len(data), size=rng.integers(1, 12)):
                data[at] = int(rng.integers(0, 256))
            try:
                assert open_photo(bytes(data), where="x").mode == "RGB"
            except PhotoError:
                broken += 1
        assert broken  # the flips did reach the decoder

    def test_a_photo_error_is_a_catalogue_error(self):
        assert issubclass(PhotoError, CatalogError)


def test_endings_are_those_of_the_formats_and_of_heic():
    known = {end for end, kind in Image.registered_extensions().items() if kind in FORMATS}
    assert SUFFIXES - {".heic", ".heif"} <= known


def test_real_studio_photos_open(real_data):
    photos = sorted((real_data / "luma/catalog/product").glob("*/*/*.jpg"))[::40]
    assert photos
    for path in photos:
        shown = open_photo(path.read_bytes(), where=str(path), max_side=128)
        assert (shown.mode, max(shown.size)) == ("RGB", 128)
