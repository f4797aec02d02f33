"""Write the schema files anew."""

from pathlib import Path

from tidegate.schemas import SCHEMAS, text

for name in SCHEMAS:
    Path(__file__).with_name(name).write_text(text(name), encoding="utf-8")
