#!/usr/bin/env python3
"""house_test.py reports each kind of breach in a small house that has them all, and none in one that has none."""
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent
GOOD = {
    "kernels/dtypes.inc": "DTYPE(f32, 0)\n",
    "kernels/dtypes/f32.cpp": '#include "kernels/dtype.h"\n',
    "kernels/isa.h": "#if defined(__x86_64__)\n#endif\n",
    "kernels/matmul/matmul.inc": "MATMUL_KERNEL(avx2, f32, q8g32, q4g32, 1, 16, 4)\n",
    "kernels/matmul/matmul_f32_q8g32_q4g32_1x16x4_avx2.cpp": "",
    "kernels/limits/peak.inc": "PEAK_LOOPS(avx2)\n",
    "kernels/limits/peak_avx2.cpp": "",
    "kernels/shaders/shaders.inc": "SHADER(add)\n",
    "kernels/shaders/add.comp": "#version 460\n",
    "graph/vulkan/ops.inc": "VULKAN_OP(add)\n",
    "graph/vulkan/ops/add.cpp": "",
    "graph/ops.inc": "OP(add)\n",
    "graph/ops/add.cpp": '#include "kernels/dtype.h"\n',
    "graph/file/chunk_check.cpp": "#ifdef __linux__\n#endif\n",
    "converters/models/archs.inc": "ARCH(llama)\n",
    "converters/models/llama.cpp": '#include <vector>\nstd::vector<int> x;\n#include "runtime/x.h"\n',
    "converters/source/formats.inc": "FORMAT(gguf)\n",
    "converters/gguf/gguf_source.cpp": "",
    "runtime/include/runnel/model.h": '#include "runnel/status.h"\n',
}
BAD = {
    "kernels/up.cpp": ('#include "graph/graph.h"\n', "kernels includes graph/graph.h"),
    "runtime/down.cpp": ('#include "converters/x.h"\n', "runtime includes converters/x.h"),
    "runtime/include/runnel/leak.h": ('#include "runtime/x.h"\n', "a public header includes runtime/x.h"),
    "graph/long.cpp": ("int x;\n" * 501, "501 lines"),
    "graph/condition.cpp": ("#ifdef X\n#endif\n", "a preprocessor condition"),
    "runtime/heap.cpp": ("std::vector<int> v;\n", "std::vector: memory comes from"),
    "runtime/newed.cpp": ("auto* p = new Thing;\n", "memory comes from"),
    "kernels/dtypes/orphan.cpp": ("", "no row in kernels/dtypes.inc"),
    "graph/ops/orphan.cpp": ("", "no row in graph/ops.inc"),
    "graph/vulkan/ops/orphan.cpp": ("", "no row in graph/vulkan/ops.inc"),
    "kernels/shaders/orphan.comp": ("", "no row in kernels/shaders/shaders.inc"),
    "kernels/matmul/matmul_f32_f32_f32_1x1x1_scalar.cpp": ("", "no row in kernels/matmul/matmul.inc"),
    "kernels/limits/peak_neon.cpp": ("", "no row in kernels/limits/peak.inc"),
    "converters/models/orphan.cpp": ("", "no row in converters/models/archs.inc"),
    "docs/path.md": ("see /" + "home/me/x\n", "names a path of one machine"),
}


def run(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([sys.executable, str(SOURCE / "house_test.py"), folder], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


failures = []
code, out = run(GOOD)
if code != 0:
    failures.append(f"a house in order is refused:\n{out}")
for name, (text, report) in BAD.items():
    code, out = run({**GOOD, name: text})
    if code != 1 or report not in out:
        failures.append(f"{name}: expected {report!r}, got:\n{out}")
code, out = run({**GOOD, "graph/ops.inc": "OP(add)\nOP(gone)\n"})
if "row gone has no file graph/ops/gone.cpp" not in out:
    failures.append(f"a row without a file is passed over:\n{out}")
print("\n".join(failures) if failures else "every breach is seen")
sys.exit(1 if failures else 0)
