"""Fill a gap from Python: python examples/fill.py

The first call starts the engine, which all your editors and terminals share.
"""

import asyncio

from dgls.client import EngineClient
from dgls.protocol import FillRequest, Gap, Limits

BEFORE = "def square_area(side):\n    return "
AFTER = "\n"


async def main() -> None:
    request = FillRequest(
        parts=(BEFORE, AFTER),  # One more part than gaps.
        gaps=(Gap(max_lines=1),),
        path="shapes.py",
        limits=Limits(deadline_ms=5_000, candidates=3),
    )
    async with EngineClient() as client:
        reply = await client.fill(request)
    for fill in reply.candidates:
        print(f"{fill.confidence:4.0%} {fill.proposal:8} {fill.texts[0]}")


asyncio.run(main())
