"""`python -m dgls.config [FOLDER]` writes the generated files into a checkout of the repository."""

import sys
from pathlib import Path

from dgls.config.generated import GENERATED, generated_file

root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
for name in GENERATED:
    (root / name).write_text(generated_file(name, root), encoding="utf-8")
    print(name)
