"""What regard.toml can name, wiring can read back and serve."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from regard.domain.run import Run
from regard.models.blend import Blend, FittedBlend
from regard.models.content import ContentProfile
from regard.recommending.retrievers import NearestNeighbours
from regard.serving.installation import limit_threads
from regard.serving.recipes import KINDS, decode
from regard.serving.wiring import FITTED
from tests.contracts.subjects import ask, communities

VECTORS = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_source_comes_back_from_its_artifact(kind: str) -> None:
    data = communities().with_vectors("use", communities().vectors["content"])
    model = Blend(tuple(decode({"sources": {"it": {"kind": kind}}}).items())).fit(data, run=Run())
    again = FittedBlend.from_artifact(model.artifact(), FITTED)
    query = data.query(3)
    assert again.retrieve(query, 5).scores.tolist() == model.retrieve(query, 5).scores.tolist()


def test_the_setting_holds_in_threads_that_begin_later() -> None:
    """OpenMP keeps the number of threads for each thread that asks."""
    near = NearestNeighbours(ContentProfile(VECTORS), VECTORS)

    def used() -> int:
        near.retrieve(ask(3), 5)
        return int(faiss.omp_get_max_threads())

    with threadpool_limits(), ThreadPoolExecutor(1) as other:
        other.submit(faiss.omp_set_num_threads, 2).result()
        limit_threads(1)
        assert other.submit(used).result() == 1


def test_the_setting_holds_the_threads() -> None:
    before = faiss.omp_get_max_threads()
    with threadpool_limits():  # puts everything back at the end
        limit_threads(1)
        assert faiss.omp_get_max_threads() == 1
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
        limit_threads(0)
        assert faiss.omp_get_max_threads() == 1
    faiss.omp_set_num_threads(before)
