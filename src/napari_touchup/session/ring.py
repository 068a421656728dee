"""Width of the ring around a corrected object, in which background teaches too.

A project keeps the width that it began with: another one would change what old corrections teach.
"""

from napari_touchup.session.ledger import Ledger

RING_PX = 10  # where nobody chose another one, and of projects that do not say
SETTING = "ring_px"


def ring_of(ledger: Ledger) -> int:
    """Width in a project, pixels."""
    return int(ledger.setting(SETTING) or RING_PX)


def put_ring(ledger: Ledger, ring_px: int) -> None:
    ledger.put_setting(SETTING, str(ring_px))
