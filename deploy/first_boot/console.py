"""Root's password for whoever stands there with screen and keyboard. A card without one lets nobody in.

The root file system is never written: a copy of its list of passwords, with root's line as the card brought it, lies over
the list until the device stops. The hash is root's alone, and not the firmware's, which is another user.
"""

from __future__ import annotations

import re
from pathlib import Path

from deploy.first_boot import program
from deploy.first_boot.codes import Code
from deploy.first_boot.place import Stop
from firmware.durable import replace_file

SHADOW = Path("/etc/shadow")
OVER = Path("/run/hallgate-shadow")
HASH = re.compile(r"\$6\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}")
ROOTS = re.compile(r"^root:[^:]*:", re.MULTILINE)


def allow(kept: Path) -> None:
    """Let root in by the hash in the file `kept`, from now on; nothing where there is none. Raises Stop."""
    if not kept.is_file() or OVER.exists() and SHADOW.samefile(OVER):
        return
    word = kept.read_text("ascii", "replace").strip()
    if not HASH.fullmatch(word):
        raise Stop(Code.SPOILT, f"{kept} is no hash of a password")
    replace_file(OVER, ROOTS.sub(f"root:{word}:", SHADOW.read_text()).encode(), mode=0o600)
    program.run(["mount", "--bind", str(OVER), str(SHADOW)])
