"""Promotions: the way of a release from candidate over gate and canary to live, and back; no step is taken unlogged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from regard.data.postgres import Store
from regard.data.release_rows import Row, Step, add_row, all_rows, all_steps, move_rows, row_of, sign_row
from regard.domain.decisions import LETS_THROUGH, Condition, Release
from regard.domain.errors import Conflict, InvalidInput, NotFound
from regard.feedback.approval import approve, is_approved
from regard.feedback.gate import passes, refusal
from regard.feedback.releases import Releases

FROM = ("candidate", "canary", "retired")  # the states from which a release may go live


@dataclass(frozen=True, slots=True, eq=False)
class Promotions:
    """Releases of one store: folders and pointer (`releases`), rows and log (`store`), and the approvals' `key`.

        candidate -> (gate, approval) -> canary -> live -> retired
            |                              |
            +-> refused                    +-> retired, when the guard or a person takes it back

    The pointer in the folder is what serves; it moves inside the transaction that moves the rows. `at` are unix
    seconds.
    """

    releases: Releases
    store: Store
    key: bytes

    def enter(self, release: Release, gate: Sequence[Condition], who: str, at: float) -> Row:
        """A new release with the table of its gate: a candidate, or refused."""
        state = "candidate" if passes(gate) else "refused"
        about = json.loads(json.dumps(asdict(release)))
        row = Row(release.name, state, 0.0, at, about, [line.plain() for line in gate])  # type: ignore[arg-type]
        add_row(self.store, row, who, refusal(gate))
        return row

    def judge_again(self, name: str, gate: Sequence[Condition], who: str, at: float) -> Row:
        """A fresh table for a release that does not serve; an approval of the earlier one is void."""
        row = row_of(self.store, name)
        if row.state in ("live", "canary"):
            raise Conflict(f"release {name}", "one that does not serve", row.state, "Roll it back first.")
        plain = [line.plain() for line in gate]
        self._void(replace(row, gate=plain))
        state = "candidate" if passes(gate) else "refused"
        if state != row.state:
            move_rows(self.store, [Step(at, name, row.state, state, who, refusal(gate))])  # type: ignore[arg-type]
        return row_of(self.store, name)

    def approve(self, name: str, who: str, at: float) -> Row:
        """Let it through; Conflict where its gate does not."""
        row = self._through_the_gate(name)
        signed = approve(row, who, at, self.key)
        sign_row(self.store, signed)
        return signed

    def try_out(self, name: str, share: float, who: str, at: float) -> Row:
        """Make it the canary with `share` of the traffic; another canary retires."""
        if not 0 < share < 1:
            raise InvalidInput("share", "a share of the traffic in (0, 1)", repr(share))
        row = self._approved(name)
        if self.live() is None:
            raise Conflict("canary", "a live release beside it", "none yet", "Promote it without a share.")
        if row.state not in ("candidate", "retired"):
            raise Conflict(f"release {name}", "a candidate", row.state, "See: regard releases show NAME")
        steps = [Step(at, one.name, "canary", "retired", who, f"{name} is tried instead") for one in self._in("canary")]
        move_rows(self.store, [*steps, Step(at, name, row.state, "canary", who, f"{share:.0%} of the traffic")], share)
        return row_of(self.store, name)

    def go_live(self, name: str, who: str, at: float, why: str = "") -> Row:
        """Everybody gets its lists from now on; the one before, and a canary, retire."""
        row = row_of(self.store, name)
        if row.state == "live":
            return row
        row = self._approved(name)
        if row.state not in FROM:
            raise Conflict(f"release {name}", f"one of {', '.join(FROM)}", row.state, "See: regard releases show NAME")
        others = [one for one in self._in("live", "canary") if one.name != name]
        steps = [Step(at, one.name, one.state, "retired", who, f"{name} goes live") for one in others]
        self._point([*steps, Step(at, name, row.state, "live", who, why)], name)
        return row_of(self.store, name)

    def roll_back(self, who: str, why: str, at: float, name: str | None = None) -> tuple[str, str]:
        """Take back what is newest in the traffic: the canary, else (an emergency) the live release for the one before.

        `name` says which of both is meant. The answer: the names of the one taken back and of the one that is live now.
        It is the only way round the gate, so both `who` and `why` must be said; the one before passed its own gate when
        it went live. What was taken back needs a new approval.
        """
        if not who.strip() or not why.strip():
            raise InvalidInput("rollback", "who does it, and why", f"{who!r}, {why!r}", "Say --who and --reason.")
        live, canaries = self.live(), self._in("canary")
        if live is None:
            raise NotFound("release", "a live release", "none yet", "Fit one first: regard fit")
        serving = [row.name for row in (*canaries, live)]
        if name is not None and name not in serving:
            raise Conflict(f"release {name}", f"one that serves: {', '.join(serving)}", "one that does not")
        if canaries and name in (None, canaries[0].name):
            move_rows(self.store, [Step(at, canaries[0].name, "canary", "retired", who, why)])
            self._void(canaries[0])
            return canaries[0].name, live.name
        before = self._before(live.name)
        steps = [
            *(Step(at, row.name, "canary", "retired", who, f"{live.name} is taken back") for row in canaries),
            Step(at, live.name, "live", "retired", who, why, emergency=True),
            Step(at, before.name, "retired", "live", who, f"instead of {live.name}: {why}", emergency=True),
        ]
        self._point(steps, before.name)
        self._void(live)
        return live.name, before.name

    def row(self, name: str) -> Row:
        """Where a release stands."""
        return row_of(self.store, name)

    def live(self) -> Row | None:
        """What serves."""
        return next(iter(self._in("live")), None)

    def canary(self) -> Row | None:
        """What is tried with a share of the traffic."""
        return next(iter(self._in("canary")), None)

    def settle(self, at: float) -> list[Step]:
        """Bring the rows to what folder and pointer say: after a crash between both, or for releases older than rows.

        What serves is never touched. The steps that were taken.
        """
        rows, names = {row.name: row for row in all_rows(self.store)}, self.releases.names()
        serving = self.releases.live()
        for name in names:
            if name not in rows:
                about = json.loads(json.dumps(asdict(self.releases.get(name))))
                add_row(self.store, Row(name, "retired", 0.0, at, about), "settle", "found in the folder")
        if serving is None:
            return []
        stray = [row for row in self._in("live") if row.name != serving.name]
        steps = [Step(at, row.name, "live", "retired", "settle", f"{serving.name} serves") for row in stray]
        row = row_of(self.store, serving.name)
        if row.state != "live":
            steps.append(Step(at, row.name, row.state, "live", "settle", "found serving"))
        if steps:
            move_rows(self.store, steps)
        return steps

    def _in(self, *states: str) -> list[Row]:
        return [row for row in all_rows(self.store) if row.state in states]

    def _before(self, name: str) -> Row:
        """The release that was live before `name`."""
        was_live = [step.name for step in all_steps(self.store) if step.state == "live" and step.name != name]
        retired = {row.name: row for row in self._in("retired")}
        known = [*sorted(one for one in retired if not retired[one].gate), *was_live]  # those older than rows come last
        found = next((retired[one] for one in reversed(known) if one in retired), None)
        if found is None:
            raise Conflict("rollback", "a release that was live before", "none", "The first one cannot be rolled back.")
        return found

    def _through_the_gate(self, name: str) -> Row:
        row = row_of(self.store, name)
        broken = [line for line in row.gate if line["verdict"] not in LETS_THROUGH]
        if row.state == "refused" or broken or not row.gate:
            said = "; ".join(f"{line['name']}: {line['value']} ({line['side']} {line['bound']})" for line in broken)
            raise Conflict(f"release {name}", "a gate that it passes", said or "no gate yet", "Fit another one.")
        return row

    def _approved(self, name: str) -> Row:
        row = self._through_the_gate(name)
        if not is_approved(row, self.key):
            got = "none" if row.signature is None else "one of other files or another table"
            raise Conflict(f"release {name}", "a signed approval", got, "regard releases promote NAME --who YOU")
        damaged = self.releases.damaged(name)
        if damaged:
            raise Conflict(f"release {name}", "whole files", f"damaged: {', '.join(damaged)}", "Fit another one.")
        return row

    def _void(self, row: Row) -> None:
        sign_row(self.store, replace(row, approver=None, approved=None, signature=None))

    def _point(self, steps: Sequence[Step], name: str) -> None:
        move_rows(self.store, steps, then=lambda: self.releases.promote(name))
