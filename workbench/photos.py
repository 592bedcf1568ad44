"""Bytes of a photo in, an upright opaque RGB picture out; or one sentence why not.

Catalogues hold whatever a seller uploaded. Only raster formats are decoded: no decoder that starts
another program (such as EPS) is ever reached.
"""

from __future__ import annotations

import io

from PIL import ExifTags, Image, UnidentifiedImageError

from workbench.errors import PhotoError

MAX_PIXELS = 80_000_000
"""Width times height above which a photo is refused before it is decoded (240 MB as RGB).

Below the size at which Pillow itself warns of a decompression bomb.
"""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "JPEG2000")
"""Pillow's names of the formats that are read."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff"}
    | {".bmp", ".jp2", ".heic", ".heif"}
)
"""Endings of files that are meant to be photos, those that cannot be read (HEIC) among them."""

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to the turn that undoes it; 1 is upright."""


def open_photo(data: bytes, *, where: str, max_side: int | None = None) -> Image.Image:
    """Decode one photo, turned upright as its EXIF says, transparent parts on white.

    Of an animation the first frame is taken. 16-bit and float pictures are scaled to 8 bits. Colours
    of an RGB or CMYK photo that brings a colour profile are converted to sRGB; CMYK without one is
    converted plainly, in either polarity.

    Args:
        data: The file's bytes.
        where: What the photo is called in an error, such as its address.
        max_side: Longer side of the result in pixels at most; a smaller photo stays as it is. Large
            JPEGs are then decoded at a half, a quarter or an eighth of their size, which is faster.

    Returns:
        A picture of mode `RGB`.

    Raises:
        PhotoError: The bytes are empty, cut off, no picture, of a format that is not read, or of
            more than `MAX_PIXELS` pixels.
    """
    if max_side is not None and max_side < 1:
        raise ValueError(f"want max_side of at least 1 pixel, got {max_side!r}")
    if not data:
        raise PhotoError(f"{where}: want a picture, got a file of zero bytes; upload it again")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise PhotoError(_unreadable(data, where)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError(
            f"{where}: want at most {MAX_PIXELS:,} pixels, got more ({error}); scale it down"
        ) from error
    except Exception as error:
        raise PhotoError(_broken(error, where)) from error
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise PhotoError(
                f"{where}: want at most {MAX_PIXELS:,} pixels, got {image.width} x {image.height}; "
                "scale it down"
            )
        try:
            if max_side is not None and image.format in ("JPEG", "MPO"):
                shrink = min(1.0, 2 * max_side / max(image.size))  # room for a clean resize
                image.draft(None, (int(image.width * shrink) or 1, int(image.height * shrink) or 1))
            image.load()
            turn = _UPRIGHT.get(_orientation(image))  # TIFFs are turned while they load
            rgb = _rgb(image)
            if max_side is not None:
                rgb.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
        except PhotoError as error:
            raise PhotoError(f"{where}: {error}") from error
        except Exception as error:  # decoders raise whatever broken bytes lead them to
            raise PhotoError(_broken(error, where)) from error
    return rgb if turn is None else rgb.transpose(turn)


def _broken(error: Exception, where: str) -> str:
    said = f"{type(error).__name__}: {error}"
    return f"{where}: want a whole picture, got one that is cut off or damaged ({said})"


def _unreadable(data: bytes, where: str) -> str:
    wanted = "want JPEG, PNG, WebP, GIF, AVIF, TIFF, BMP or JPEG 2000"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return f"{where}: {wanted}, got HEIC, which is not supported; convert it to JPEG"
    return f"{where}: {wanted}, got bytes that start with {data[:12]!r}"


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or the EXIF block is damaged."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - a damaged note beside the picture does not spoil the picture
        return 1
    return found if isinstance(found, int) else 1


def _rgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode == "CMYK":
        # Pillow takes every CMYK JPEG for Adobe's, whose inks are stored inverted. One without
        # Adobe's marker is not, and has been inverted once too often.
        if image.format in ("JPEG", "MPO") and "adobe" not in image.info:
            image = Image.eval(image, lambda ink: 255 - ink)
        return _to_srgb(image, profile)
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        return Image.alpha_composite(white, opaque).convert("RGB")
    return _to_srgb(image, profile)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as a screen shows them; a profile that is damaged or for another mode is passed over."""
    if profile and image.mode in ("RGB", "CMYK"):
        from PIL import ImageCms

        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey values of 16 bits, 32 bits or floats, scaled to 0 to 255."""
    import numpy as np

    values = np.asarray(image).astype(np.float32)  # (height, width)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 65535):  # NaN fails this too
        raise PhotoError(
            f"want grey values from 0 to 65535, got {low} to {high}; save it as 8 bits"
        )
    if image.mode.startswith("I;16") or high > 255:
        top = 65535.0
    else:  # wider modes do not say which range is meant
        top = 1.0 if image.mode == "F" and high <= 1 else 255.0
    return Image.fromarray(np.rint(values * (255.0 / top)).astype(np.uint8))
