"""Losses of choosing the next item: full and sampled softmax, SSM, gBCE and BPR, one number per example."""

from __future__ import annotations

from torch import Tensor, cat, logsumexp, where
from torch.nn.functional import cross_entropy, logsigmoid, normalize

from regard.learning.negatives import Drawn


def full_softmax(users: Tensor, items: Tensor, targets: Tensor) -> Tensor:
    """-log softmax over all items: users (n, d), items (I, d), targets (n,) -> (n,). Memory: n x I."""
    return cross_entropy(users @ items.T, targets, reduction="none")


def sampled_softmax(users: Tensor, items: Tensor, targets: Tensor, drawn: Drawn) -> Tensor:
    """-log softmax over the target and m drawn items, each score less the log of how often it is expected there.

    With this correction the gradient estimates that of the full softmax (Bengio & Senecal 2008; log-Q: Yi et al. 2019).
    A drawn item that is the example's own target does not count. -> (n,)
    """
    right, wrong = _scores(users, items, targets, drawn)
    right, wrong = right - drawn.log_targets, wrong - drawn.log_items
    wrong = where(_same(targets, drawn), wrong.new_full((), float("-inf")), wrong)
    return logsumexp(cat([right[:, None], wrong], dim=1), dim=1) - right


def ssm(users: Tensor, items: Tensor, targets: Tensor, drawn: Drawn, temperature: float, prior: Tensor) -> Tensor:
    """Sampled softmax of cosines over a temperature (Wu et al. 2022), each with the item's own `prior` (I,) added.

    A cosine knows no lengths, so popularity decides nothing unless it comes as the prior, like the adjustment of Menon
    et al. 2021. The lower the temperature, the more the hardest of the drawn items count. -> (n,)
    """
    users = cat([normalize(users) / temperature, users.new_ones(len(users), 1)], dim=1)
    return sampled_softmax(users, cat([normalize(items), prior[:, None]], dim=1), targets, drawn)


def gbce(users: Tensor, items: Tensor, targets: Tensor, drawn: Drawn, calibration: float = 0.75) -> Tensor:
    """gBCE (Petrov & Macdonald 2023): -(b log s(y+) + sum log(1 - s(y-))) / (1 + m).

    b = a (t (1 - 1/a) + 1/a) with a = m / (I - 1), the share of the negatives that is drawn, and t the `calibration`:
    t = 1 undoes the overconfidence of sampling, t = 0 is plain binary cross-entropy. -> (n,)
    """
    right, wrong = _scores(users, items, targets, drawn)
    wrong = where(_same(targets, drawn), wrong.new_full((), float("-inf")), wrong)
    share = min(1.0, len(drawn.items) / max(1, len(items) - 1))
    power = share * (calibration * (1 - 1 / share) + 1 / share)
    return -(power * logsigmoid(right) + logsigmoid(-wrong).sum(dim=1)) / (1 + len(drawn.items))


def bpr(users: Tensor, items: Tensor, targets: Tensor, drawn: Drawn) -> Tensor:
    """Bayesian personalised ranking (Rendle et al. 2009): the mean of -log s(y+ - y-) over the drawn items. -> (n,)"""
    right, wrong = _scores(users, items, targets, drawn)
    ahead = where(_same(targets, drawn), wrong.new_full((), float("inf")), right[:, None] - wrong)
    return -logsigmoid(ahead).mean(dim=1)


def _scores(users: Tensor, items: Tensor, targets: Tensor, drawn: Drawn) -> tuple[Tensor, Tensor]:
    """Those of the targets (n,) and of the drawn items (n, m), in float32."""
    right = (users * items[targets]).sum(dim=1)
    return right.float(), (users @ items[drawn.items].T).float()


def _same(targets: Tensor, drawn: Drawn) -> Tensor:
    return targets[:, None] == drawn.items
