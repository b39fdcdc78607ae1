import numpy as np
import pytest
from scipy import sparse

from regard.models.networks.padding import padded, padded_row


@pytest.mark.parametrize("place", range(3))
def test_one_row_is_padded_as_a_matrix_of_one_row(place: int) -> None:
    rows = sparse.csr_array(np.array([[0, 2.0, 0, 1.0], [0, 0, 0, 0], [3.0, 0, 0, 0]]))
    own, whole = padded_row(rows, place), padded(rows[[place]])
    for n in (0, 1):
        assert own[n].tolist() == whole[n].tolist()
        assert own[n].dtype == whole[n].dtype
