# SPDX-License-Identifier: GPL-2.0-only
"""Reads tests/boots.toml: which guests there are, and what each may skip."""

import pathlib
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace

DEFAULT = pathlib.Path(__file__).parent / "boots.toml"
KERNELS = ("base", "stock", "debug", "kcsan")
INSTRUMENTED = ("debug", "kcsan")


@dataclass
class Boot:
    """One guest."""
    name: str
    tests: list[str]
    kernel: str = "base"
    memory: int | str = 4096
    cpus: int | str = 2
    cpu: str = ""
    qemu: str = ""
    kaslr: bool = False
    plug: bool = False
    cmdline: str = ""
    skips: list[str] = field(default_factory=list)
    may_skip: list[str] = field(default_factory=list)
    allow: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    without: dict[str, list[str]] = field(default_factory=dict)

    def options(self) -> list[str]:
        """The options of vm/boot for such a guest."""
        words = ["-k", self.kernel, "-n", self.name, "-m", str(self.memory), "-c", str(self.cpus)]
        words += ["-p", self.cpu] if self.cpu else []
        words += ["-q", self.qemu] if self.qemu else []
        words += ["-l"] if self.kaslr else []
        words += ["-x"] if self.plug else []
        return words

    def as_dict(self) -> dict:
        return asdict(self)


def boot_of(entry: dict, machines: dict) -> Boot:
    """Puts the machine that a boot names under what it says itself."""
    said = dict(entry)
    name = said.get("name", "?")
    machine = said.pop("machine", None)
    if machine is not None and machine not in machines:
        raise SystemExit(f"error: boot '{name}': there is no machine '{machine}'")
    known = {one.name for one in fields(Boot)}
    said = {**machines.get(machine, {}), **said}
    if unknown := sorted(said.keys() - known):
        raise SystemExit(f"error: boot '{name}': unknown key {', '.join(unknown)}")
    if not said.get("name") or not said.get("tests"):
        raise SystemExit(f"error: boot '{name}' needs a name and tests")
    boot = Boot(**said)
    if boot.kernel not in KERNELS:
        raise SystemExit(f"error: boot '{name}': there is no kernel '{boot.kernel}'")
    return boot


def of_version(boots: list[Boot], version: str) -> list[Boot]:
    """Those that are for a version of the kernel, with the tests that run there."""
    return [replace(boot, tests=[test for test in boot.tests if test not in boot.without.get(version, [])])
            for boot in boots if not boot.versions or version in boot.versions]


def load(path: pathlib.Path = DEFAULT) -> list[Boot]:
    """Returns all boots, in their order."""
    try:
        said = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as why:
        raise SystemExit(f"error: {path}: {why}") from why
    boots = [boot_of(entry, said.get("machine", {})) for entry in said.get("boot", [])]
    names = [boot.name for boot in boots]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SystemExit(f"error: {path}: more than one boot is called {', '.join(twice)}")
    return boots
