import numpy as np

from regard.measurement.plots import reliability_plot


def test_a_reliability_plot_names_each_model_s_error() -> None:
    labels = np.array([0, 1] * 50)
    found = reliability_plot(labels, {"sure": labels.astype(float), "half": np.full(100, 0.5)})
    assert found.startswith("<svg")
    assert found == reliability_plot(labels, {"sure": labels.astype(float), "half": np.full(100, 0.5)})
    assert found.count("<path") > reliability_plot(labels, {"half": np.full(100, 0.5)}).count("<path")
