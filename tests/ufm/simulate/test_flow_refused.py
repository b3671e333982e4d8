"""What a gradient flow refuses, and that it says which value and what is allowed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import strategies
from ufm.files import memory


class TestRefused:
    problem = ufm.Problem((4, 3), 3, 0.2, 12)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"method": "fulll"}, "method='fulll' is unknown: did you mean 'full'"),
            ({"method": "exact"}, "method='exact' is not for loss='cosine'"),
            ({"keep": "everything"}, "keep='everything'"),
            ({"start": "origin"}, "start 'origin' is unknown"),
            ({"start": ufm.Start(scale=2.0), "t_final": -1.0}, "t_final=-1.0"),
            ({"until_nc": 0.0}, "until_nc=0.0"),
            ({"until_nc": np.nan}, "until_nc=nan"),
            ({"rtol": 0.0}, "rtol=0.0"),
            ({"n_times": 1}, "n_times=1"),
            ({"t_eval": [1.0, 0.5]}, "t_eval"),
            ({"t_eval": [-1.0, 0.5]}, "t_eval"),
            ({"t_eval": [0.0, np.inf]}, "t_eval"),
            ({"t_eval": []}, "t_eval"),
            ({"t_final": np.nan}, "t_final=nan"),
            ({"n_times": 2.5}, "n_times=2.5"),
            ({"seed": -1}, "seed=-1"),
            ({"until_nc": 1e-310}, "until_nc=1e-310 is below 1e-300"),
            ({"until_nc": 1e-26, "method": "span"}, "until_nc=1e-26 is below 1e-24"),
        ],
    )
    def test_options(self, options, message):
        with pytest.raises(ValueError, match=message):
            ufm.gradient_flow(self.problem, **options)

    @pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, 1e-200, np.inf])
    def test_scales(self, scale):
        with pytest.raises(ValueError, match="scale="):
            ufm.Start(scale=scale)
        with pytest.raises(ValueError, match="offset="):
            ufm.Start("antipode", offset=1e-17)

    def test_features_that_are_not_real(self):
        with pytest.raises(ValueError, match="features of dtype complex128 are not real"):
            ufm.gradient_flow(self.problem, features=strategies.features_of(self.problem, 0) + 1j)

    @given(strategies.seeds, st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(0, 6), st.integers(0, 11))
    def test_features_that_are_not_finite(self, seed, value, row, column):
        features = strategies.features_of(self.problem, seed)
        features[row, column] = value
        with pytest.raises(ValueError, match=rf"features\[{row}\] contains NaN or infinity"):
            ufm.gradient_flow(self.problem, features=features)

    @pytest.mark.parametrize("shape", [(7,), (7, 1), (7, 11), (6, 12), (12, 7), (1, 7, 12)])
    def test_shapes(self, shape):
        with pytest.raises(ValueError, match=r"have shape .*, not \(n_samples, dim\) = \(7, 12\)"):
            ufm.gradient_flow(self.problem, features=np.ones(shape))

    def test_features_without_direction(self):
        features = strategies.features_of(self.problem, 0)
        features[2] = 0.0
        with pytest.raises(ValueError, match=r"features\[2\] is 0"):
            ufm.gradient_flow(self.problem, features=features)

    def test_strides_and_integers_are_fine(self):
        features = np.ascontiguousarray(strategies.features_of(self.problem, 0)[::-1, ::-1])[::-1, ::-1]
        one = ufm.gradient_flow(self.problem, features=features, t_eval=[1.0])
        other = ufm.gradient_flow(self.problem, features=features.copy(), t_eval=[1.0])
        np.testing.assert_array_equal(one.value, other.value)
        ufm.gradient_flow(self.problem, features=np.ones((7, 12), dtype=int), t_eval=[1.0])

    def test_frames_of_another_problem(self):
        frame = ufm.multi_center_frame(ufm.Problem((4, 3), 2, 0.2, 12))
        with pytest.raises(ValueError, match=r"the frame has centers \(2, 2\) .* the problem \(3, 3\)"):
            ufm.gradient_flow(self.problem, frame=frame)

    def test_cosine_loss_wants_unit_centers(self):
        with pytest.raises(ValueError, match="unit length"):
            ufm.gradient_flow(self.problem, frame=ufm.multi_center_frame(self.problem, norms=2.0))

    def test_methods_that_would_not_be_exact(self):
        centers = np.random.default_rng(0).standard_normal((6, 12))
        frame = ufm.Frame.from_centers(centers / np.linalg.norm(centers, axis=1, keepdims=True), (3, 3))
        with pytest.raises(ValueError, match="needs a multi-center frame"):
            ufm.gradient_flow(self.problem, frame=frame, method="reduced")
        assert ufm.gradient_flow(self.problem, frame=frame, t_final=1.0).stats["method"] == "span"
        mse = ufm.Problem((4, 3), 3, 0.2, 12, loss="mse", lam_h=0.1)
        with pytest.raises(ValueError, match="orthogonal between classes"):
            ufm.gradient_flow(mse, frame=frame, method="exact")
        assert ufm.gradient_flow(mse, frame=frame, t_final=1.0).stats["method"] == "full"
        with pytest.raises(ValueError, match="a loss of your own takes 'full'"):
            ufm.gradient_flow(self.problem, method="span", loss=ufm.TorchLoss(lambda h, y: h.sum()))

    def test_what_does_not_fit_is_refused_before_it_is_allocated(self, monkeypatch):
        problem = ufm.Problem((10**6,) * 10, 20, 0.2, 256)
        monkeypatch.setattr(memory, "available", lambda: 2**30)
        with pytest.raises(
            MemoryError, match=r"10000000 x 256 features needs .* GiB of 1 GiB here: use method='reduced'"
        ):
            ufm.gradient_flow(problem, method="full")

    def test_a_million_classes(self, monkeypatch):
        monkeypatch.setattr(memory, "available", lambda: 2**30)
        problem = ufm.Problem((1,) * 10**6, 1, 0.2)
        with pytest.raises(MemoryError, match="record fewer times"):
            ufm.gradient_flow(problem)
        with pytest.raises(MemoryError, match="record fewer times"):
            ufm.gradient_flow(self.problem, n_times=10**9)
