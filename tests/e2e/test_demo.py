"""`tidings demo` as its reader runs it: exit 0, counts that agree, an alert, and commands that work."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

TIDINGS = str(Path(sys.executable).with_name("tidings"))


def test_demo(tmp_path: Path) -> None:
    demo = [TIDINGS, "demo", "--plain"]
    done = subprocess.run(demo, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"sent ([\d,]+) = stored [\d,]+ \+ duplicates 120 \+ dead letters 7 +✓", done.stdout)
    assert "ALERT critical: Northgate Bank" in done.stdout
    assert "Subject: [Tidings] critical" in done.stdout
    assert "signature verified: yes" in done.stdout
    assert "Traceback" not in done.stderr
    assert "The live page: http://127.0.0.1:" in done.stdout
    assert "run --only api" in done.stdout
    commands = [line.strip() for line in done.stdout.splitlines() if ' sql "' in line]
    assert len(commands) == 3
    for command in commands:
        words = [TIDINGS, *shlex.split(command)[1:]]
        answer = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.strip()
    assert "Northgate Bank" in answer.stdout or "negative_stories" in answer.stdout

    again = subprocess.run(
        [TIDINGS, "demo", "--folder", "/usr"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert again.returncode == 2
    assert "--folder" in again.stderr, "somebody else's data are not touched"
