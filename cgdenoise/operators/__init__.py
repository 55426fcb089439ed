"""Forward operators with exact adjoints: how measurements come from an image."""

from cgdenoise.operators.base import Adjoint, Composition, Field, ForwardOperator, Multiple, Sum
from cgdenoise.operators.blur import Blur, Border, Pad, blur_within, box_psf, disk_psf, gaussian_psf, motion_psf
from cgdenoise.operators.coils import Coils
from cgdenoise.operators.complex import ComplexFromChannels, ComplexFromReal
from cgdenoise.operators.dct import DCT
from cgdenoise.operators.foreign import load_operator, wrap
from cgdenoise.operators.fourier import Fourier, subsampled_fourier
from cgdenoise.operators.identity import Identity
from cgdenoise.operators.mask import PixelMask
from cgdenoise.operators.matrix import DenseMatrix, SparseMatrix
from cgdenoise.operators.measurement import Measurement
from cgdenoise.operators.resample import Downsample, Kernel
from cgdenoise.operators.reshape import Reshape
from cgdenoise.operators.sensing import Entries, SubsampledDCT, random_matrix
from cgdenoise.operators.stack import stack
from cgdenoise.operators.tomography import Fan, Scan, projector
from cgdenoise.operators.weights import Weights

__all__ = [
    "DCT",
    "Adjoint",
    "Blur",
    "Border",
    "Coils",
    "ComplexFromChannels",
    "ComplexFromReal",
    "Composition",
    "DenseMatrix",
    "Downsample",
    "Entries",
    "Fan",
    "Field",
    "ForwardOperator",
    "Fourier",
    "Identity",
    "Kernel",
    "Measurement",
    "Multiple",
    "Pad",
    "PixelMask",
    "Reshape",
    "Scan",
    "SparseMatrix",
    "SubsampledDCT",
    "Sum",
    "Weights",
    "blur_within",
    "box_psf",
    "disk_psf",
    "gaussian_psf",
    "load_operator",
    "motion_psf",
    "projector",
    "random_matrix",
    "stack",
    "subsampled_fourier",
    "wrap",
]
