# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What a shared library's datapath consists of: every function that bursts can reach in it.

The disassembly of objdump is cut into functions; an edge is a call or a jump from one to another,
and an address that is taken. Calls through pointers are named by the source function that they come
from, which the debug information knows also of inlined ones.
"""

import bisect
import re
import subprocess

PREFIXES = {"lock", "rep", "repz", "repnz", "repe", "repne", "bnd", "notrack", "data16", "data32",
            "addr32", "cs", "ds", "es", "ss", "fs", "gs", "rex", "rex.W", "rex.w", "xacquire",
            "xrelease"}

# Mnemonics of objdump, and why they have no place in a burst.
FORBIDDEN = {
    r"cpuid": "always #VC in an SNP guest",
    r"rdtscp?": "#VC where the hypervisor intercepts it",
    r"rdpmc": "#VC where the hypervisor intercepts it",
    r"rdmsr\w*|wrmsr\w*": "#VC, privileged",
    r"in[bwl]?|out[bwl]?|ins[bwl]?|outs[bwl]?": "port I/O: always #VC",
    r"u?monitorx?|u?mwaitx?|tpause|monitorx|mwaitx": "#VC where intercepted, and waits",
    r"wbinvd|invd|wbnoinvd": "#VC",
    r"hlt|pause": "a burst never waits; #VC or an exit",
    r"syscall|sysenter|sysexit\w*|sysret\w*|int|int1|int3|icebp|into|iret\w*":
        "a burst never enters the kernel",
    r"ud[012]\w*": "a burst never gives up: what is wrong is counted",
    r"vmcall|vmmcall|vmgexit|vmfunc|tdcall|seamcall|enclu|pconfig": "calls the hypervisor",
    r"invlpg\w*|invpcid|clts|lmsw|lgdt|lidt|lldt|ltr|swapgs|rsm|xsetbv|xsaves\w*|xrstors\w*":
        "privileged, intercepted",
    # Never a #VC of SNP. But both are ways to ask what the processor is, which is done once, at
    # open, by folio_copy_select(); and random numbers cost hundreds of cycles on a shared bus and
    # can be intercepted by hypervisors on Intel processors.
    r"xgetbv": "the processor is looked at when a port is opened, not in a burst",
    r"rdrand|rdseed": "slow, may be intercepted; a burst needs no random numbers",
    r"\(bad\)": "not decoded: cannot be judged",
}
FORBIDDEN_RE = re.compile("^(?:" + "|".join(FORBIDDEN) + ")$")

INSTRUCTION = re.compile(r"^ *([0-9a-f]+):\t(.*)$")
TARGET = re.compile(r"^([0-9a-f]+) <(.*?)(?:@plt)?(?:\+0x[0-9a-f]+)?>")


def run(*command):
    """Output of a tool of binutils."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Instruction:
    """An address, a mnemonic, operands."""

    def __init__(self, address, text):
        self.address, self.text = address, " ".join(text.split("#")[0].split())
        self.comment = text.split("#", 1)[1].strip() if "#" in text else ""
        words = text.split()
        while len(words) > 1 and words[0].split(",")[0] in PREFIXES:
            words.pop(0)
        self.mnemonic = words[0] if words else ""
        self.operands = " ".join(words[1:])

    def is_forbidden(self):
        """Has it no place in a burst? Control and debug registers count too."""
        return bool(FORBIDDEN_RE.match(self.mnemonic)) or \
            bool(re.search(r"%(cr|db|dr)\d", self.operands))


class Library:
    """A shared library with symbols and debug information."""

    def __init__(self, path):
        self.path = path
        self.functions = {}  # start address: (name, [instruction])
        self.plt = {}  # address: name
        self.symbols = {}  # name of an object: (address, size)
        self.read_symbols()
        self.read_code()
        self.starts = sorted(self.functions)

    def read_symbols(self):
        """Where the tables are."""
        for line in run("objdump", "-t", self.path).splitlines():
            found = re.match(r"^([0-9a-f]+) .{5}.O \S+\t([0-9a-f]+) +(?:\.hidden )?(\S+)$", line)
            if found:
                self.symbols[found.group(3)] = (int(found.group(1), 16), int(found.group(2), 16))

    def read_code(self):
        """Functions and the stubs through which calls leave."""
        current, section = None, ""
        for line in run("objdump", "-d", "-w", "--no-show-raw-insn", self.path).splitlines():
            if line.startswith("Disassembly of section"):
                section, current = line.split()[-1].rstrip(":"), None
                continue
            start = re.match(r"^([0-9a-f]+) <(.*)>:$", line)
            if start:
                address, name = int(start.group(1), 16), start.group(2)
                if section.startswith(".plt"):
                    self.plt[address] = name.removesuffix("@plt")
                    current = None
                else:
                    current = self.functions.setdefault(address, (name, []))
                continue
            found = INSTRUCTION.match(line)
            if found and current is not None:
                current[1].append(Instruction(int(found.group(1), 16), found.group(2)))

    def function_at(self, address):
        """Start of the function that an address lies in, or None."""
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0:
            return None
        start = self.starts[i]
        last = self.functions[start][1]
        return start if last and address <= last[-1].address else None

    def table(self, name):
        """The functions that a constant table points to."""
        address, size = self.symbols[name]
        found = []
        for line in run("readelf", "-rW", self.path).splitlines():
            words = line.split()
            if len(words) == 4 and words[2] == "R_X86_64_RELATIVE" and \
                    address <= int(words[0], 16) < address + size:
                found.append(int(words[3], 16))
        return found

    def named(self, name):
        """Functions of that name."""
        return [start for start, (n, _) in self.functions.items() if n == name]


class Datapath:
    """All that a set of functions reaches inside a library."""

    def __init__(self, library, roots):
        self.library = library
        self.reached = set()
        self.leaves = {}  # name outside: [function inside]
        self.indirect = []  # (function, instruction)
        self.bad = []  # (function, instruction)
        work = list(roots)
        while work:
            start = work.pop()
            if start in self.reached:
                continue
            self.reached.add(start)
            work += self.look(start)

    def look(self, start):
        """Judge the instructions of a function; returns where it leads."""
        name, code = self.library.functions[start]
        found = []
        for instruction in code:
            if instruction.is_forbidden():
                self.bad.append((name, instruction))
            if re.match(r"^(call|jmp)", instruction.mnemonic) and "*" in instruction.operands:
                self.through_pointer(name, instruction)
                continue
            # Branches, and addresses that are taken: lea 0x...(%rip) # 1234 <name>.
            for text in (instruction.operands, instruction.comment):
                target = TARGET.match(text)
                if target:
                    found += self.follow(name, instruction, target)
        return found

    def follow(self, name, instruction, target):
        """A branch or an address: into this library, or out of it."""
        address = int(target.group(1), 16)
        if address in self.library.plt:
            self.leaves.setdefault(self.library.plt[address], set()).add(name)
            return []
        start = self.library.function_at(address)
        if start is not None:
            return [start]
        if re.match(r"^(call|j)", instruction.mnemonic):
            self.bad.append((name, instruction))  # into the middle of nowhere
        return []

    def through_pointer(self, name, instruction):
        """call *: an entry of the GOT is a name outside, all else is a pointer."""
        got = re.match(r"^[0-9a-f]+ <(\w+)@", instruction.comment)
        if got:
            self.leaves.setdefault(got.group(1), set()).add(name)
        else:
            self.indirect.append((name, instruction))

    def names(self):
        """Names of the functions reached."""
        return {self.library.functions[start][0] for start in self.reached}

    def origins(self):
        """For each call through a pointer the source function that it stands in."""
        if not self.indirect:
            return []
        addresses = [hex(i.address) for _, i in self.indirect]
        lines = run("addr2line", "-f", "-e", self.library.path, *addresses).splitlines()
        return list(zip(lines[0::2], [name for name, _ in self.indirect],
                        [i for _, i in self.indirect]))
