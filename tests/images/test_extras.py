"""Formats beyond the common ones: each comes back with its pixels, its type and what else it carries."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from cgdenoise.errors import ImageError
from cgdenoise.images import container_for, decode, encode, read_image, result_suffix, suffixes, written_as
from cgdenoise.images.stack import Stack


def again(data, name="x", change=0):
    """Decode, add to the pixels, encode and decode; all but those is as it was."""
    first = decode(data, name)
    changed = first.with_pages([page.astype(float) + change for page in first.pages])
    second = decode(encode(changed, first.container, name), name)
    assert (second.dtype, second.container, second.stack) == (first.dtype, first.container, first.stack)
    for page, other in zip(changed.pages, second.pages, strict=True):
        np.testing.assert_array_equal(page, other)
    return first, second


class TestPillow:
    def saved(self, array, format, **options):
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, format, **options)
        return buffer.getvalue()

    @pytest.mark.parametrize("shape", [(13, 17), (13, 17, 3)])
    def test_bmp(self, pixels, shape):
        array = pixels("u1", shape)
        first, second = again(self.saved(array, "BMP", dpi=(300, 200)))
        np.testing.assert_array_equal(first.pages[0], array)
        assert second.metadata.dpi == pytest.approx((300, 200), rel=1e-3)
        with pytest.raises(ImageError, match="uint16 pixels do not fit in a BMP"):
            encode(read_of(pixels("u2")), "bmp", "x")

    @pytest.mark.parametrize("channels", [3, 4])
    def test_webp(self, pixels, channels, icc, exif):
        array = pixels("u1", (13, 17, channels))
        data = self.saved(array, "WEBP", lossless=True, exact=True, icc_profile=icc, exif=exif)
        first, second = again(data)
        np.testing.assert_array_equal(first.pages[0], array[..., :3])
        assert (first.alpha is not None) == (channels == 4)
        assert second.metadata == first.metadata
        assert second.metadata.icc_profile == icc

    def test_a_gif_is_read_and_becomes_png(self, pixels):
        frames = [Image.fromarray(pixels("u1", (13, 17))) for _ in range(3)]
        buffer = io.BytesIO()
        frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
        found = decode(buffer.getvalue(), "x")
        np.testing.assert_array_equal(found.pages[0], np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")))
        assert (written_as("gif"), result_suffix("a.gif"), found.container) == ("png", ".png", "gif")
        with pytest.raises(ImageError, match="GIF files are read, not written; expected"):
            container_for("a.gif")
        with pytest.raises(ImageError, match="GIF files are read, not written"):
            encode(found, "gif", "x")

    def test_avif(self, pixels):
        array = np.full((32, 32, 3), (200, 100, 50), np.uint8)
        try:
            data = self.saved(array, "AVIF", quality=95)
        except (KeyError, ValueError):
            pytest.skip("this Pillow writes no AVIF")
        assert np.abs(decode(data, "x").pages[0].astype(int) - array).max() < 8


def read_of(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return decode(buffer.getvalue(), "x")


class TestFits:
    @pytest.fixture(autouse=True)
    def fits(self):
        self.fits = pytest.importorskip("astropy.io.fits")

    def saved(self, array, *others, **cards):
        buffer = io.BytesIO()
        unit = self.fits.PrimaryHDU(array)
        unit.header.update(cards)
        self.fits.HDUList([unit, *others]).writeto(buffer)
        return buffer.getvalue()

    @pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
    def test_cards_and_pixels(self, pixels, dtype):
        array = pixels(dtype)
        first, second = again(self.saved(array, OBJECT="M31", CRVAL1=10.5))
        np.testing.assert_array_equal(first.pages[0], array)
        header = self.fits.getheader(io.BytesIO(encode(second, "fits", "x")))
        assert (header["OBJECT"], header["CRVAL1"]) == ("M31", 10.5)
        assert header.get("BZERO") == (32768 if dtype == "u2" else None)

    def test_nan_and_scaled_values(self, pixels):
        array = pixels("f4")
        array[2, 3] = np.nan
        again(self.saved(array))
        unit = self.fits.PrimaryHDU(np.arange(20, dtype=np.float32).reshape(4, 5) / 2)
        unit.scale("int16", bscale=0.5, bzero=3)
        buffer = io.BytesIO()
        unit.writeto(buffer)
        first, _ = again(buffer.getvalue(), change=0.25)
        np.testing.assert_array_equal(first.pages[0], np.arange(20).reshape(4, 5) / 2)

    def test_cubes_and_other_units_stay(self, pixels):
        cube = pixels("f4", (3, 13, 17))
        table = self.fits.BinTableHDU.from_columns([self.fits.Column("a", "D", array=np.arange(3.0))])
        first, second = again(self.saved(None, self.fits.ImageHDU(cube, name="SCI"), table), change=1)
        assert first.stack == Stack("Z", (3,))
        units = self.fits.open(io.BytesIO(encode(second, "fits", "x")))
        assert [unit.name for unit in units] == ["PRIMARY", "SCI", ""]
        assert list(units[2].data["a"]) == [0, 1, 2]

    def test_from_and_to_other_formats(self, tmp_path, pixels):
        array = pixels("u2")
        np.testing.assert_array_equal(decode(encode(read_of(array), "fits", "x"), "x").pages[0], array)
        np.testing.assert_array_equal(decode(encode(decode(self.saved(array), "x"), "png", "x"), "x").pages[0], array)
        with pytest.raises(ImageError, match="channels beside each other do not fit in a FITS"):
            encode(read_of(pixels("u1", (13, 17, 3))), "fits", "x")

    def test_damage(self, pixels):
        data = self.saved(pixels("f4"))
        for bad in (data[:100], data[:3000], b"SIMPLE  =                    T" + bytes(3000), self.saved(None)):
            with pytest.raises(ImageError, match="x: "):
                decode(bad, "x")


class TestNifti:
    @pytest.fixture(autouse=True)
    def nibabel(self):
        self.nibabel = pytest.importorskip("nibabel")

    def saved(self, array, kind="Nifti1Image", slope=None):
        image = getattr(self.nibabel, kind)(array, np.diag([2.0, 3, 4, 1]), dtype=array.dtype)
        image.header["descrip"] = b"a scan"
        if slope:
            image.header.set_slope_inter(*slope)
        return image.to_bytes()

    @pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "f4", "f8"])
    @pytest.mark.parametrize("kind", ["Nifti1Image", "Nifti2Image"])
    def test_volumes(self, pixels, dtype, kind):
        array = pixels(dtype, (9, 8, 3, 2))
        data = self.saved(array, kind)
        first, second = again(data)
        assert first.stack == Stack("TZ", (2, 3))
        np.testing.assert_array_equal(first.pages[4], array[:, :, 1, 1].T)
        assert encode(second, "nifti", "x") == data

    def test_big_endian_scaled_and_compressed(self, tmp_path, pixels):
        big = self.nibabel.Nifti1Image(pixels("i2", (9, 8)), np.eye(4)).header.as_byteswapped(">")
        array = pixels("i2", (9, 8))
        data = bytearray(self.nibabel.Nifti1Image(array, np.eye(4), big).to_bytes())
        first, _ = again(bytes(data), change=-1)
        np.testing.assert_array_equal(first.pages[0], array.T)
        self.nibabel.save(self.nibabel.Nifti1Image(pixels("f4", (9, 8, 3)), np.eye(4)), tmp_path / "a.nii.gz")
        found, _ = again((tmp_path / "a.nii.gz").read_bytes())
        assert found.container == container_for("a.nii.gz") == "nifti-gz"
        (tmp_path / "b.nii.gz").write_bytes(encode(found, "nifti-gz", "x"))
        assert self.nibabel.load(tmp_path / "b.nii.gz").shape == (9, 8, 3)

    def test_from_another_format(self, pixels):
        array = pixels("u2")
        found = decode(encode(read_of(array), "nifti", "x"), "x")
        np.testing.assert_array_equal(found.pages[0], array)

    def test_damage(self, pixels):
        data = self.saved(pixels("f4", (9, 8)))
        for bad in (data[:200], data[:-1], data[:348] + bytes(4)):
            with pytest.raises(ImageError, match="x: "):
                decode(bad, "x")


class TestDicom:
    @pytest.fixture(autouse=True)
    def pydicom(self):
        self.pydicom = pytest.importorskip("pydicom")

    def saved(self, array, bits, photometric="MONOCHROME2", syntax="ExplicitVRLittleEndian"):
        uid = self.pydicom.uid
        dataset = self.pydicom.Dataset()
        dataset.file_meta = self.pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = getattr(uid, syntax)
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid.CTImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        dataset.SeriesInstanceUID, dataset.PatientName = "1.2.4", "Nobody"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.PixelSpacing, dataset.RescaleSlope, dataset.LargestImagePixelValue = [0.5, 0.5], 2, 7
        frames = array.ndim - 2 - (photometric == "RGB")
        if frames:
            dataset.NumberOfFrames = len(array)
        dataset.Rows, dataset.Columns = array.shape[frames : frames + 2]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3 if photometric == "RGB" else 1, photometric
        dataset.PlanarConfiguration = 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * array.itemsize, bits, bits - 1
        dataset.PixelRepresentation = int(array.dtype.kind == "i")
        dataset.PixelData = array.tobytes()
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    @pytest.mark.parametrize(("dtype", "bits"), [("u1", 8), ("u2", 12), ("i2", 16)])
    @pytest.mark.parametrize("syntax", ["ExplicitVRLittleEndian", "ImplicitVRLittleEndian"])
    def test_a_result_is_derived_and_keeps_the_rest(self, pixels, dtype, bits, syntax):
        array = pixels(dtype) if bits == 8 * np.dtype(dtype).itemsize else pixels(dtype) >> 4
        first, second = again(self.saved(array, bits, syntax=syntax))
        np.testing.assert_array_equal(first.pages[0], array)
        dataset = self.pydicom.dcmread(io.BytesIO(second.metadata.verbatim.data))
        assert list(dataset.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"]
        assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID != "1.2.3"
        assert dataset.SeriesInstanceUID != "1.2.4"
        assert dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3"
        assert (dataset.PatientName, dataset.PixelSpacing, dataset.RescaleSlope) == ("Nobody", [0.5, 0.5], 2)
        assert dataset.LargestImagePixelValue == array.max()

    def test_values_stay_within_the_bits_that_are_stored(self, pixels):
        first = decode(self.saved(np.full((8, 9), 4000, np.uint16), 12), "x")
        found = decode(encode(first.with_pages([np.full((8, 9), 5000.0)]), "dicom", "x"), "x")
        assert found.pages[0].max() == 4095

    def test_frames_and_colours(self, pixels):
        first, _ = again(self.saved(pixels("u2", (3, 8, 9)), 16))
        assert first.stack == Stack("T", (3,))
        first, _ = again(self.saved(pixels("u1", (8, 9, 3)), 8, "RGB"))
        assert first.pages[0].shape == (8, 9, 3)

    def test_compressed_ones_are_written_plain(self, pixels):
        array = pixels("u2")
        dataset = self.pydicom.dcmread(io.BytesIO(self.saved(array, 16)))
        dataset.compress(self.pydicom.uid.RLELossless, generate_instance_uid=False)
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        first, _ = again(buffer.getvalue())
        np.testing.assert_array_equal(first.pages[0], array)

    def test_what_is_refused(self, pixels):
        with pytest.raises(ImageError, match="made of a DICOM alone"):
            encode(read_of(pixels("u2")), "dicom", "x")
        data = self.saved(pixels("u2"), 16)
        for bad in (data[:140], data[:-5], data[:200] + bytes(300)):
            with pytest.raises(ImageError, match="x: "):
                decode(bad, "x")


class TestExr:
    @pytest.fixture(autouse=True)
    def openexr(self, tmp_path):
        self.openexr = pytest.importorskip("OpenEXR")
        self.path = tmp_path / "a.exr"

    def saved(self, channels, **header):
        header = {"compression": self.openexr.PIZ_COMPRESSION, "type": self.openexr.scanlineimage, **header}
        self.openexr.File(header, dict(channels)).write(str(self.path))
        return self.path.read_bytes()

    @pytest.mark.parametrize("dtype", ["f2", "f4", "u4"])
    @pytest.mark.parametrize("names", ["Y", "BGR", "ABGR", "UV"])
    def test_channels(self, pixels, dtype, names):
        channels = {name: pixels(dtype) for name in names}
        data = self.saved(channels, owner="me", pixelAspectRatio=2.0)
        first, second = again(data)
        assert (first.alpha is not None) == ("A" in names)
        page = first.pages[0].reshape(13, 17, -1)
        for number, name in enumerate("RGB" if "R" in names else names):
            np.testing.assert_array_equal(page[..., number], channels[name])
        self.path.write_bytes(encode(second, "exr", "x"))
        file = self.openexr.File(str(self.path), separate_channels=True)
        header = file.header()
        assert (header["owner"], header["pixelAspectRatio"]) == ("me", 2.0)
        assert header["compression"] == self.openexr.PIZ_COMPRESSION
        assert set(file.channels()) == set(names)

    def test_from_another_format(self, pixels):
        array = pixels("f4", (13, 17, 3))
        np.testing.assert_array_equal(decode(encode(read_of(array), "exr", "x"), "x").pages[0], array)
        with pytest.raises(ImageError, match="uint8 pixels do not fit in an OpenEXR"):
            encode(read_of(pixels("u1")), "exr", "x")

    def test_damage(self, pixels):
        data = self.saved({"Y": pixels("f4")})
        for bad in (data[:10], data[:200]):
            with pytest.raises(ImageError, match="x: "):
                decode(bad, "x")


def test_raw_files_are_known_by_their_names(monkeypatch, tmp_path):
    class Raw:
        class sizes:  # noqa: N801
            height, width = 4, 6

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def postprocess(self, **options):
            assert options["gamma"] == (1, 1)
            return np.full((4, 6, 3), 700, np.uint16)

    class Library:
        @staticmethod
        def imread(stream):
            assert stream.read(2) == b"II"
            return Raw()

    monkeypatch.setitem(sys.modules, "rawpy", Library)
    (tmp_path / "a.NEF").write_bytes(b"II*\0 and so on")
    found = read_image(tmp_path / "a.NEF")
    assert (found.container, found.pages[0].shape, written_as("raw")) == ("raw", (4, 6, 3), "tiff")
    with pytest.raises(ImageError, match="TIFF"):
        decode(b"II*\0 and so on", "a.tif")


@pytest.mark.parametrize(
    ("name", "data", "package", "extra"),
    [
        ("a.fits", b"SIMPLE  =", "astropy", "fits"),
        ("a.nii", b"\x5c\x01\0\0", "nibabel", "nifti"),
        ("a.dcm", bytes(128) + b"DICM", "pydicom", "dicom"),
        ("a.exr", b"\x76\x2f\x31\x01", "OpenEXR", "exr"),
        ("a.cr2", b"II*\0", "rawpy", "raw"),
    ],
)
def test_what_is_not_installed_is_said_with_the_command(monkeypatch, name, data, package, extra):
    for module in [module for module in sys.modules if module.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ImageError, match=rf"^{name}: needs the package {package}; install it with: pip install 'cgdenoise\[{extra}\]'"
    ):
        decode(data, name)


def test_suffixes_that_are_read_and_written():
    assert {".gif", ".avif", ".nef"} & set(suffixes(written=True)) == set()
    assert {".gif", ".nii.gz", ".dcm", ".png"} <= set(suffixes())
