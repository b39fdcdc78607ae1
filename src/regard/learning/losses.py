"""Losses, one number per example: the next item by softmax, SSM, gBCE or BPR; actions; amounts; what lists brought."""

from __future__ import annotations

from torch import Tensor, cat, log_softmax, logsumexp, no_grad, softmax, where
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, logsigmoid, normalize

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


def multi_task_bce(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean of -[y log s(x) + (1 - y) log(1 - s(x))] over the observable actions: logits, labels (n, A) -> (n,).

    A label NaN says that the action could not be observed (nobody rates what they only saw) and teaches nothing.
    """
    there = ~labels.isnan()
    each = binary_cross_entropy_with_logits(logits.float(), where(there, labels, 0.5).float(), reduction="none")
    return _over(each, there)


def mse(predicted: Tensor, amounts: Tensor) -> Tensor:
    """The mean of (y - y^)^2 over the amounts (stars, seconds) that are no NaN: (n, A), (n, A) -> (n,)."""
    there = ~amounts.isnan()
    return _over((predicted.float() - where(there, amounts, 0.0).float()).square(), there)


def top_k_reinforce(logits: Tensor, shown: Tensor, logged: Tensor, gained: Tensor, how: tuple[int, float]) -> Tensor:
    """A loss whose gradient is the top-K off-policy corrected REINFORCE (Chen et al. 2019, eq. 5), one per list (n,).

    -sum over slots of min(pi / beta, cap) K (1 - pi)^(K-1) gained log pi, of which only log pi has a gradient. logits
    (n, c), -inf where no candidate is; shown (n, k) places of candidates, -1 for none; pi and the `logged` beta are
    chances given the slots above, without repeats; gained (n, k) rewards or advantages; how: (K, cap). K = 1 leaves
    the plain correction.
    """
    places, cap = how
    there, chosen = shown >= 0, shown.clamp(min=0)
    chances = where(there, softmax(logits.float(), dim=1).gather(1, chosen), 0.0)
    left = (1 - (chances.cumsum(dim=1) - chances)).clamp(min=1e-6)
    log_chance = log_softmax(logits.float(), dim=1).gather(1, chosen) - left.log()
    log_chance = where(there, log_chance, 0.0)
    with no_grad():
        pi = log_chance.exp().clamp(max=1.0)
        weight = (pi / logged).clamp(max=cap) * places * (1 - pi) ** (places - 1) * gained
    return -(where(there, weight, 0.0) * log_chance).sum(dim=1)


def _over(each: Tensor, there: Tensor) -> Tensor:
    """Row means of `each` (n, A) where `there`; 0 in a row without any."""
    return (each * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
