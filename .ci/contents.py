"""Say where the wheel or the sdist in a folder differs from what git holds: python .ci/contents.py dist."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

MADE = {"PKG-INFO"}


def complaints(kind: str, found: set[str], expected: set[str]) -> list[str]:
    """Say what is missing and what is too much."""
    return [
        *(f"{kind} lacks {name}" for name in sorted(expected - found)),
        *(f"{kind} has {name}, which git does not hold" for name in sorted(found - expected)),
    ]


def main(folder: Path) -> None:
    """Compare both."""
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True)
    held = set(listed.stdout.splitlines())
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as opened:
        in_wheel = {name for name in opened.namelist() if ".dist-info/" not in name}
    with tarfile.open(sdist) as opened:
        names = [PurePosixPath(member.name) for member in opened if member.isfile()]
    in_sdist = {str(PurePosixPath(*name.parts[1:])) for name in names}
    package = {name for name in held if name.startswith("sdebayes/")}
    found = complaints("the wheel", in_wheel, package) + complaints("the sdist", in_sdist - MADE, held)
    if found:
        sys.exit("\n".join(found))
    print(
        f"wheel: {len(in_wheel)} files, {wheel.stat().st_size / 1e6:.1f} MB; "
        f"sdist: {len(in_sdist)} files, {sdist.stat().st_size / 1e6:.1f} MB"
    )


main(Path(sys.argv[1]))
