"""What a rolling update has shown: numbers for people and machines, and every reason why it is no success."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deploy.rolling.load import Account
from deploy.rolling.rollout import Ending


@dataclass(frozen=True)
class Verdict:
    """Everything that was counted; a success when `problems` is empty."""

    seconds: float
    accounts: Mapping[str, Account]
    endings: Sequence[Ending]
    connections: Sequence[int]
    events: int
    proxy: Mapping[str, int]
    problems: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """Give it for machines."""
        return {
            "seconds": round(self.seconds, 1),
            "requests": {
                kind: {"sent": len(account.seconds), "failed": len(account.failures)}
                for kind, account in sorted(self.accounts.items())
            },
            "pods": [asdict(ending) for ending in self.endings],
            "streams": {"connections": list(self.connections), "events": self.events},
            "proxy": dict(self.proxy),
            "problems": list(self.problems),
        }

    def as_text(self) -> str:
        """Give it for people."""
        lines = [
            f"{len(self.endings)} pods replaced in {self.seconds:.0f} s",
            "",
            f"{'requests':18}{'sent':>8}{'failed':>8}{'median':>10}{'longest':>10}",
            *(_row(kind, account) for kind, account in sorted(self.accounts.items())),
            "",
            f"{'old pod':28}{'SIGTERM to end':>16}{'exit code':>12}",
            *(
                f"{one.pod:28}{one.seconds:14.1f} s{one.exit_code:>12}{'  killed' if one.killed else ''}"
                for one in self.endings
            ),
            "",
            self._streams(),
            "proxy: " + ", ".join(f"{count} {what}" for what, count in self.proxy.items()),
            "",
            *(f"PROBLEM {problem}" for problem in self.problems),
            "Nothing failed, nothing was lost." if not self.problems else f"{len(self.problems)} problems.",
        ]
        return "\n".join(lines)

    def _streams(self) -> str:
        clients, connections = len(self.connections), sum(self.connections)
        return f"event streams: {clients} clients, {connections} connections, {self.events} events each"


def _row(kind: str, account: Account) -> str:
    median = statistics.median(account.seconds) * 1000
    longest = max(account.seconds) * 1000
    name = kind.replace("_", " ")
    return f"{name:18}{len(account.seconds):8}{len(account.failures):8}{median:7.0f} ms{longest:7.0f} ms"
