"""`python -m dgls.config [FOLDER]` writes the generated files into a checkout of the repository."""

import sys
from pathlib import Path

from dgls.config.generated import generated_files

root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
for name, text in generated_files().items():
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")
    print(name)
