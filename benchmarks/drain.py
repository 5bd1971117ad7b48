"""What a thief takes beside the number that was printed. Run: ``python benchmarks/drain.py [SEEDS]``.

Each starter policy is played by the scripts of ``policy attack`` and by a thief who searches, one search a seed; then
the same thieves where withdrawals are forbidden and nothing else is limited, and where each order is limited too. The
numbers are exact and repeat themselves; the time is this machine's. Exits with 1 where a bound was exceeded.
"""

import sys
import time
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

from gateway.admin.policy_tools.attack import play
from gateway.policy.blast import blast_radius
from gateway.policy.document import Policy, load

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.attacks.searching import NO_WITHDRAWALS, PER_ORDER_CAP, search  # noqa: E402 -- found from here on

SEEDS = 10
WEAK = {"no withdrawals": NO_WITHDRAWALS, "+ 500 USDT per order": PER_ORDER_CAP}
CENT = Decimal("0.01")
LINE = "{:<22}{:>12}{:>8}{:>14}{:>14}{:>10}{:>7}{:>7}"


def main() -> int:
    """Print the report; 1 where a thief took more than a bound."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    print(LINE.format("policy", "drain", "window", "scripts", "searched", "of drain", "seeds", "s"))
    starters = [load(path.read_bytes(), path.stem) for path in _files()]
    over = [row(policy, seeds) for policy in starters]
    for name, text in WEAK.items():
        row(load(text, name), max(1, seeds // 10))
    print(f"exceeded: {sum(over)} of {seeds * len(starters)} searches under starter policies")
    return int(any(over))


def _files() -> list[Path]:
    return [path for path in sorted((ROOT / "policies").glob("*.yaml")) if not path.stem.endswith(".test")]


def row(policy: Policy, seeds: int) -> int:
    """One line of the report; how many searches took more than the drain."""
    began, drain = time.process_time(), blast_radius(policy).drain
    scripts = max(Decimal(one["loss"].split()[0]) for one in play(policy)["attacks"])
    taken = [search(policy, seed).taken for seed in range(seeds)]
    worst, bound, window = max(taken), "not bounded", ""
    if drain is not None:
        bound, window = f"{drain.amount}", drain.per or ""
    part = f"{worst / drain.amount:.1%}" if drain and drain.amount else ""
    spent, shown = time.process_time() - began, worst.quantize(CENT, ROUND_CEILING)
    print(LINE.format(policy.name, bound, window, scripts, shown, part, seeds, round(spent)), flush=True)
    return sum(one > drain.amount for one in taken) if drain else 0


if __name__ == "__main__":
    sys.exit(main())
