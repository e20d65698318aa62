import torch
from torch import Tensor

from worker.chatterbox.hift.spectrum import analyse, synthesise
from worker.chatterbox.rows import Ends, find_ends

N_FFT, HOP = 16, 4


def draw_signal(rows: int, samples: int) -> Tensor:
    return torch.randn(rows, samples, generator=torch.Generator().manual_seed(1))


def test_analysis_is_the_short_fourier_transform() -> None:
    signal = draw_signal(2, 400)
    window = torch.hann_window(N_FFT)
    expected = torch.stft(signal, N_FFT, HOP, window=window, return_complex=True)
    real, imaginary = analyse(signal, Ends(longest=400, ends=None), N_FFT, HOP).chunk(2, dim=1)
    assert torch.allclose(real, expected.real, atol=1e-5)
    assert torch.allclose(imaginary, expected.imag, atol=1e-5)


def test_synthesis_is_the_inverse_transform_of_any_spectrum() -> None:
    spectrum = draw_signal(2, 18 * 50).view(2, 18, 50)
    real, imaginary = spectrum.chunk(2, dim=1)
    expected = torch.istft(
        torch.complex(real, imaginary), N_FFT, HOP, window=torch.hann_window(N_FFT)
    )
    assert torch.allclose(synthesise(spectrum, None, N_FFT, HOP), expected, atol=1e-5)


def test_each_row_is_mirrored_and_weighted_at_its_own_end() -> None:
    lengths = [80, 200]
    signal = draw_signal(2, 200)
    signal[0, 80:] = 0
    ends = find_ends(lengths, "cpu")
    frames = ends.divide(HOP, more=1)
    together = analyse(signal, ends, N_FFT, HOP)
    alone = analyse(signal[:1, :80], find_ends([80], "cpu"), N_FFT, HOP)
    assert torch.allclose(together[:1, :, : alone.shape[2]], alone, atol=1e-6)
    restored = synthesise(together, frames.mask(), N_FFT, HOP)
    assert torch.allclose(restored[0, :80], signal[0, :80], atol=1e-5)
    assert torch.allclose(restored[1], signal[1], atol=1e-5)
