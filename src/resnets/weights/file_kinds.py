"""What a file is that is no checkpoint, in words: by its first bytes, or by the names in it."""

from collections.abc import Iterable, Mapping

_LFS = "a Git LFS pointer"
_PAGE = "a web page"
_ONNX = "an ONNX file"
_ARRAY = "a NumPy array"
_IMAGES = "a zip archive of images"

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", _LFS),
    (b"\x93NUMPY", _ARRAY),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"GGUF", "a GGUF file of a language model"),
    (b"\x7fELF", "a program"),
)
_REMEDIES: Mapping[str, str] = {
    _LFS: "`git lfs pull` brings the file itself; ",
    _PAGE: "the download failed, so open its address in a browser; ",
    _IMAGES: "`resnets train` and `resnets check` read it; ",
}
_IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm")


def kind(data: bytes) -> str | None:
    """What a file is by its first bytes; None where they say nothing."""
    if not data:
        return "an empty file"
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    begin = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if begin.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<script")):
        return _PAGE
    if _is_onnx(data):
        return _ONNX
    if not _is_text(data[:4096]):
        return None
    return "JSON text" if begin.startswith((b"{", b"[")) else "text"


def zip_kind(names: Iterable[str]) -> str:
    """What a zip archive is by the names in it."""
    files = [name.lower() for name in names if not name.endswith("/")]
    if files and all(name.endswith(".npy") for name in files):
        return "a NumPy archive (.npz)"
    if sum(name.endswith(_IMAGE_ENDINGS) for name in files) > len(files) / 2:
        return _IMAGES
    listed = ", ".join(name[:40] for name in files[:3])
    return f"a zip archive ({listed})" if listed else "an empty zip archive"


def remedy(what: str) -> str:
    """What helps with a file of that kind, as the beginning of a half-sentence; nothing where nothing does."""
    return _REMEDIES.get(what, "")


def _is_onnx(data: bytes) -> bool:
    """A protobuf that begins with a small version number and then the name of whoever wrote it."""
    return data[:1] == b"\x08" and data[1:2] < b"\x20" and data[2:3] in (b"\x12", b":") and _says_onnx(data[:400])


def _says_onnx(begin: bytes) -> bool:
    return any(word in begin.lower() for word in (b"pytorch", b"onnx", b"tf2", b"keras", b"skl", b"paddle"))


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 4:  # else a letter that is cut
            return False
        text = data[: error.start].decode("utf-8")
    return bool(text.strip()) and all(letter.isprintable() or letter in "\r\n\t\f" for letter in text)
