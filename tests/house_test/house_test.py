#!/usr/bin/env python3
"""The house rules that no compiler checks. house_test.py SOURCE_DIR prints each breach and fails if there is one.

1. A folder includes itself and the folders below it, nothing else; public headers include public headers only.
2. A hand-written source has at most 500 lines.
3. Every registry row has its file, and every file of a registry its row.
4. No preprocessor conditions outside the files that name an instruction set or the operating system.
5. kernels, graph and runtime use no container or `new` that throws or ends the process when memory runs out.
6. Nothing names a path of the machine it was written on.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
MAY_INCLUDE = {
    "kernels": {"kernels"},
    "graph": {"kernels", "graph"},
    "runtime": {"kernels", "graph", "runtime"},
    "converters": {"kernels", "graph", "runtime", "converters"},
    "tools": {"kernels", "graph", "runtime", "converters", "tools"},
}
MAX_LINES = 500
# Conditions belong to the files that ask what machine this is.
CONDITIONS_ALLOWED = re.compile(
    r"^(kernels/(isa[^/]*|cpu_topology_cpuinfo)\.(h|cpp)|runtime/os/.*|runtime/include/runnel/runnel\.h)$")
# Where the rule has an exception, why.
CONDITION_EXCEPTIONS = {
    "graph/file/chunk_check.cpp": "waits in the kernel where there is a call for it",
}
FORBIDDEN = re.compile(
    r"std::(vector|string|deque|list|map|set|unordered_map|unordered_set|function|make_unique|make_shared|shared_ptr|"
    r"stringstream|ostringstream|to_string|regex|jthread|thread)\b|(?<![\w#])new\s+(?!\()[A-Za-z_:]")
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(work|home|root|Users)/")

breaches = []


def breach(path, text, line=0):
    breaches.append(f"{path}:{line}: {text}" if line else f"{path}: {text}")


def tracked():
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    if listed.returncode == 0:
        names = listed.stdout.split("\n")
    else:  # an unpacked archive
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file()]
    return sorted(n for n in names if n and not n.startswith("build") and (ROOT / n).is_file())


def without_comments(text):
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def check_includes(name, text):
    folder = name.split("/")[0]
    public = "/include/runnel/" in name
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not match:
            continue
        included = match.group(1)
        first = included.split("/")[0]
        if first == "runnel":
            continue
        if public:
            breach(name, f"a public header includes {included}", number)
        elif first not in MAY_INCLUDE[folder]:
            breach(name, f"{folder} includes {included}", number)


def rows(registry, macro):
    found = []
    for line in (ROOT / registry).read_text().split("\n"):
        match = re.match(macro + r"\(([^)]*)\)", line)
        if match:
            found.append([field.strip() for field in match.group(1).split(",")])
    return found


def check_registry(registry, macro, folder, name_of, is_member=lambda stem: True, suffix=".cpp"):
    """is_member(stem): a file of the folder, of this suffix, that must have a row."""
    if not (ROOT / registry).exists():
        return
    named = {name_of(row) for row in rows(registry, macro)}
    if not named:
        breach(registry, "no rows")
    files = {p.stem for p in (ROOT / folder).glob("*" + suffix) if is_member(p.stem)}
    for missing in sorted(named - files):
        breach(registry, f"row {missing} has no file {folder}/{missing}{suffix}")
    for extra in sorted(files - named):
        breach(f"{folder}/{extra}{suffix}", f"no row in {registry}")


def check_formats():
    """A format's reader lies in a folder of its own: converters/<format>/<format>_source.cpp."""
    registry = "converters/source/formats.inc"
    if not (ROOT / registry).exists():
        return
    named = {row[0] for row in rows(registry, "FORMAT")}
    files = {p.parent.name for p in (ROOT / "converters").glob("*/*_source.cpp") if p.stem == f"{p.parent.name}_source"}
    for missing in sorted(named - files):
        breach(registry, f"row {missing} has no file converters/{missing}/{missing}_source.cpp")
    for extra in sorted(files - named):
        breach(f"converters/{extra}/{extra}_source.cpp", f"no row in {registry}")


def check_file(name):
    path = ROOT / name
    folder = name.split("/")[0]
    if name.startswith(("tests/fuzz/corpus/", "tests/data/")):
        return
    text = path.read_text(errors="replace")
    for number, line in enumerate(text.split("\n"), 1):
        if MACHINE_PATH.search(line) and not name.startswith("tests/house_test/"):
            breach(name, "names a path of one machine", number)
    sources = {".h", ".cpp", ".c"}
    if path.suffix in sources | {".inc", ".py", ".sh", ".cmake", ".fbs", ".comp", ".glsl"} and text.count("\n") > MAX_LINES:
        breach(name, f"{text.count(chr(10))} lines; at most {MAX_LINES}")
    if path.suffix not in sources or folder not in MAY_INCLUDE:
        return
    check_includes(name, text)
    for number, line in enumerate(without_comments(text).split("\n"), 1):
        condition = re.match(r"\s*#\s*(if|ifdef|ifndef|elif)\b", line)
        if condition and not CONDITIONS_ALLOWED.match(name) and name not in CONDITION_EXCEPTIONS:
            breach(name, "a preprocessor condition", number)
        forbidden = FORBIDDEN.search(line) if folder in {"kernels", "graph", "runtime"} else None
        if forbidden:
            breach(name, f"{forbidden.group().strip()}: memory comes from allocate() and Array", number)


def main():
    for name in tracked():
        check_file(name)
    check_registry("kernels/dtypes.inc", "DTYPE", "kernels/dtypes", lambda r: r[0])
    check_registry("kernels/matmul/matmul.inc", "MATMUL_KERNEL", "kernels/matmul",
                   lambda r: f"matmul_{r[1]}_{r[2]}_{r[3]}_{r[4]}x{r[5]}x{r[6]}_{r[0]}", lambda s: s.startswith("matmul_"))
    check_registry("kernels/attention/attention.inc", "ATTENTION_KERNEL", "kernels/attention",
                   lambda r: f"attention_{r[0]}", lambda s: s.startswith("attention_"))
    check_registry("kernels/attention/kv.inc", "KV_KERNEL", "kernels/attention", lambda r: f"kv_{r[1]}_{r[0]}",
                   lambda s: s.startswith("kv_"))
    check_registry("kernels/vector/vector.inc", "VECTOR_OPS", "kernels/vector", lambda r: f"vector_{r[0]}",
                   lambda s: s.startswith("vector_"))
    check_registry("kernels/limits/peak.inc", "PEAK_LOOPS", "kernels/limits", lambda r: f"peak_{r[0]}",
                   lambda s: s.startswith("peak_"))
    check_registry("kernels/shaders/shaders.inc", "SHADER", "kernels/shaders", lambda r: r[0], suffix=".comp")
    check_registry("graph/vulkan/ops.inc", "VULKAN_OP", "graph/vulkan/ops", lambda r: r[0])
    check_registry("graph/ops.inc", "OP", "graph/ops", lambda r: r[0])
    check_registry("converters/models/archs.inc", "ARCH", "converters/models", lambda r: r[0])
    check_formats()
    for name in CONDITION_EXCEPTIONS:
        path = ROOT / name
        if not path.exists() or not re.search(r"^\s*#\s*if", path.read_text(), re.M):
            breach(name, "no longer needs its exception from the rule on conditions")
    print("\n".join(breaches) if breaches else "the house is in order")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
