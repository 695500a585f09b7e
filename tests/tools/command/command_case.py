"""What the tests of the command share: a folder of their own, a model in it, and what an error must look like.

Each test file is run as  python3 NAME_test.py PATH_OF_RUNNEL SOURCE_DIR  and says what it skips, and why.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from small_gguf import write_gguf

RUNNEL = sys.argv[1] if len(sys.argv) > 2 else ""
SOURCE = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path()
SHOP = SOURCE / "tests/data/shop-3m"
TIMEOUT = 120


class CommandCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="runnel-command-"))
        cls.environment = {**os.environ, "XDG_CACHE_HOME": str(cls.folder / "cache")}
        cls.gguf = write_gguf(cls.folder / "small.gguf")
        cls.model = cls.folder / "shop.rnl"
        done = cls.run_command("convert", SHOP, "-o", cls.model, "--weights", "q8")
        assert done.returncode == 0, done.stderr

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def run_command(cls, *arguments, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.run([RUNNEL, *map(str, arguments)], text=True, errors="replace", timeout=TIMEOUT,
                              env=cls.environment, **options)

    def fails(self, cause, *arguments, code=1, **options):
        """Runs; expects one line on stderr that says `cause` (any one of a tuple), the exit code, and no output."""
        done = self.run_command(*arguments, **options)
        said = f"runnel {' '.join(str(a)[:60] for a in arguments)}: exit {done.returncode}: {done.stderr}"
        self.assertEqual(done.returncode, code, said)
        self.assertTrue(done.stderr.startswith("runnel: ") and done.stderr.endswith("\n"), said)
        self.assertEqual(done.stderr.count("\n"), 1, said)
        causes = cause if isinstance(cause, tuple) else (cause,)
        self.assertTrue(any(c in done.stderr for c in causes), f"expected {causes} in {said}")
        return done

    def leaves_nothing(self, *names):
        """None of these names, and nothing that was in the making."""
        for name in names:
            self.assertFalse((self.folder / name).exists(), name)
        self.assertEqual(list(self.folder.rglob("*.partial")), [])


def main():
    # unittest must not read our two arguments.
    unittest.main(module="__main__", argv=sys.argv[:1], verbosity=2)
