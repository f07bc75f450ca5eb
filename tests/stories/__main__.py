"""`python -m tests.stories`: write the table of clauses, rules and stories again."""

from __future__ import annotations

from tests.stories import clauses

if __name__ == "__main__":
    clauses.PAGE.write_text(clauses.page(), encoding="utf-8")
    print(clauses.PAGE)
