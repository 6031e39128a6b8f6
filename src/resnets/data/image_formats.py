"""The kinds of picture files there are: by suffix, by their first bytes, which are read and what helps with others."""

from collections.abc import Callable
from dataclasses import dataclass

HEAD = 4096  # bytes by which a kind is known

_DEVELOP = "develop it to JPEG or 16-bit TIFF"
_SAVE = "save it as PNG or JPEG"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of picture file."""

    name: str
    suffixes: tuple[str, ...]
    begins: Callable[[bytes], bool]  # whether a file of these first bytes is one
    pillow: str = ""  # Pillow's name for it; empty where it is not read
    remedy: str = ""  # of one that is not read: what would help


def _at(*beginnings: bytes, place: int = 0) -> Callable[[bytes], bool]:
    return lambda head: head[place:].startswith(beginnings)


def _brands(*brands: bytes) -> Callable[[bytes], bool]:
    """An ISO media file (ISO/IEC 23008-12) whose main or compatible brands name one of these."""

    def begins(head: bytes) -> bool:
        if head[4:8] != b"ftyp":
            return False
        end = min(int.from_bytes(head[:4], "big"), len(head))
        return any(head[at : at + 4] in brands for at in (8, *range(16, end - 3, 4)))

    return begins


def _is_svg(head: bytes) -> bool:
    return head.lstrip().startswith((b"<svg", b"<?xml")) and b"<svg" in head


def _never(_: bytes) -> bool:
    return False


HEIC = Kind(
    "HEIC", (".heic", ".heif", ".hif"), _brands(b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"),
    "HEIF", "reading it needs pillow-heif: pip install 'resnets[heic]'",
)  # fmt: skip
TGA = Kind("TGA", (".tga",), _never, "TGA")  # it begins with nothing of its own
RAW = Kind(
    "camera raw",
    (".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw"),
    lambda head: _brands(b"crx ")(head) or head.startswith((b"FUJIFILMCCD-RAW", b"IIRO", b"IIU\0")),
    remedy=_DEVELOP,
)
KINDS = (
    Kind("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), _at(b"\xff\xd8\xff"), "JPEG"),
    Kind("PNG", (".png",), _at(b"\x89PNG\r\n\x1a\n"), "PNG"),
    Kind("WebP", (".webp",), lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP", "WEBP"),
    Kind("GIF", (".gif",), _at(b"GIF87a", b"GIF89a"), "GIF"),
    Kind("BMP", (".bmp",), _at(b"BM"), "BMP"),
    Kind("TIFF", (".tif", ".tiff"), _at(b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+"), "TIFF"),
    Kind("AVIF", (".avif", ".avifs"), _brands(b"avif", b"avis"), "AVIF"),
    Kind(
        "JPEG 2000", (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        _at(b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"), "JPEG2000",
    ),
    Kind(
        "PPM or PGM", (".ppm", ".pgm", ".pbm", ".pnm"),
        lambda head: head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace(), "PPM",
    ),
    TGA,
    HEIC,
    RAW,
    Kind("JPEG XL", (".jxl",), _at(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"), remedy=_SAVE),
    Kind("DICOM", (".dcm", ".dicom"), _at(b"DICM", place=128), remedy="save its pixels as 16-bit PNG or TIFF"),
    Kind("Photoshop", (".psd", ".psb"), _at(b"8BPS"), remedy=_SAVE),
    Kind("OpenEXR", (".exr",), _at(b"\x76\x2f\x31\x01"), remedy="save it as floating-point or 16-bit TIFF"),
    Kind("SVG", (".svg",), _is_svg, remedy="draw it as PNG"),
)  # fmt: skip

_BY_SUFFIX = {suffix: kind for kind in KINDS for suffix in kind.suffixes}


def named(name: str) -> Kind | None:
    """The kind that a file's suffix says."""
    _, dot, suffix = name.rpartition(".")
    return _BY_SUFFIX.get(f".{suffix.lower()}") if dot else None


def found(head: bytes) -> Kind | None:
    """The kind that a file's first bytes say."""
    return next((kind for kind in KINDS if kind.begins(head)), None)


def is_read(kind: Kind) -> bool:
    """Whether files of this kind can be read here."""
    return bool(kind.pillow) and (kind is not HEIC or heif_opener())


def heif_opener() -> bool:
    """Let Pillow read HEIC, if pillow-heif is installed."""
    try:
        import pillow_heif  # pyright: ignore[reportMissingImports] # an extra
    except ImportError:
        return False
    pillow_heif.register_heif_opener()  # pyright: ignore[reportUnknownMemberType] # as above
    return True


def without_suffix(name: str) -> bool:
    """Whether only the content can say what a file is."""
    return "." not in name


READ = tuple(kind for kind in KINDS if kind.pillow)
SUFFIXES = frozenset(suffix for kind in READ for suffix in kind.suffixes)
WHAT_WORKS = f"{', '.join(kind.name for kind in READ[:-1])} and, with pillow-heif, {READ[-1].name} can"
