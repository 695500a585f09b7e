#!/usr/bin/env python3
"""Outputs that cannot be written, prompts that do not fit, pipes that close, wrong arguments: one line, no partial file."""
import ctypes
import os
import pathlib
import resource
import subprocess
import tempfile

from command_case import RUNNEL, SHOP, CommandCase, main


class Output(CommandCase):
    def both(self, cause, output, **options):
        """convert and logits write files."""
        self.fails(cause, "convert", self.gguf, "-o", output, **options)
        self.fails(cause, "logits", self.model, "--ids", "1,2,3", "-o", output, **options)

    def test_places_that_take_no_file(self):
        (self.folder / "a_folder").mkdir()
        (self.folder / "a_file").write_text("x")
        self.both("No such file or directory", self.folder / "absent" / "out.rnl")
        self.both(("folder", "no regular file"), self.folder / "a_folder")
        self.both("Not a directory", self.folder / "a_file" / "out.rnl")
        self.both("no regular file", "/dev/full")
        self.both("File name too long", self.folder / ("x" * 300))
        self.fails("is the input", "convert", self.gguf, "-o", self.gguf)
        self.fails("no output given", "convert", self.gguf, "-o", "")
        os.symlink(self.folder / "elsewhere", self.folder / "out.rnl.partial")  # is not written through
        self.fails("symbolic links", "convert", self.gguf, "-o", self.folder / "out.rnl")
        (self.folder / "out.rnl.partial").unlink()
        self.leaves_nothing("elsewhere", "out.rnl")

    def test_folder_without_write_permission(self):
        closed = self.folder / "closed"
        closed.mkdir()
        closed.chmod(0o555)
        self.folder.chmod(0o755)
        options = {}
        if os.geteuid() == 0:  # root may write anywhere: ask as nobody
            options = {"user": 65534, "group": 65534, "extra_groups": []}
            for path in (pathlib.Path(RUNNEL).resolve(), SHOP.resolve()):
                if any(not parent.stat().st_mode & 1 for parent in path.parents):
                    self.skipTest(f"root runs the tests, and nobody else may enter {path}")
        self.both("Permission denied", closed / "out.rnl", **options)
        closed.chmod(0o755)
        self.leaves_nothing("closed/out.rnl")

    def test_full_disk(self):
        # The limit of the file's size is met like a full disk, in the middle of writing.
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        self.fails("File too large", "convert", SHOP, "-o", self.folder / "out.rnl", preexec_fn=limit)
        many = ",".join(["5"] * 100)
        self.fails("File too large", "logits", self.model, "--ids", many, "-o", self.folder / "out.npy", preexec_fn=limit)
        self.leaves_nothing("out.rnl", "out.npy")

    def test_full_file_system(self):
        place = pathlib.Path(tempfile.mkdtemp(prefix="runnel-full-"))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"none", os.fsencode(place), b"tmpfs", 0, b"size=256k") != 0:
            place.rmdir()
            self.skipTest(f"cannot mount a small file system: {os.strerror(ctypes.get_errno())} (root only)")
        try:
            # Known before the first byte; and, where the space goes away meanwhile, at the write.
            self.fails("bytes, the disk has", "convert", SHOP, "-o", place / "out.rnl")
            many = ",".join(["5"] * 100)
            self.fails("No space left on device", "logits", self.model, "--ids", many, "-o", place / "out.npy")
            self.assertEqual(list(place.iterdir()), [])
        finally:
            libc.umount2(os.fsencode(place), 0)
            place.rmdir()

    def test_failure_keeps_the_older_file(self):
        older = self.folder / "older.rnl"
        older.write_bytes(b"older")
        (self.folder / "cut.gguf").write_bytes(self.gguf.read_bytes()[:-50_000])
        self.fails("cut short", "convert", self.folder / "cut.gguf", "-o", older)
        self.assertEqual(older.read_bytes(), b"older")
        done = self.run_command("convert", self.gguf, "-o", older)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.run_command("verify", older).returncode, 0)

    def test_standard_output_that_takes_nothing(self):
        endless = ("run", self.model, "-p", "shoes", "-n", "150", "--ignore-eos")
        with open("/dev/full", "w") as full:
            for arguments in (endless, (*endless, "--json"), ("inspect", self.model), ("plan", self.model),
                              ("tokenize", self.model, "-p", "hi"), ("verify", self.model)):
                self.fails("standard output", *arguments, stdout=full)
        reader, writer = os.pipe()
        os.close(reader)
        self.fails("Broken pipe", *endless, stdout=writer)
        self.fails("Broken pipe", "inspect", self.model, stdout=writer)
        os.close(writer)
        # The shell's way to say it: a reader that takes one line and goes.
        line = f'{RUNNEL} run {self.model} -p shoes -n 200 --ignore-eos 2> {self.folder}/errors | head -c 1; echo "${{PIPESTATUS[0]}}"'
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, env=self.environment)
        self.assertEqual(done.stdout[-2:], "1\n", done)
        self.assertEqual((self.folder / "errors").read_text().count("\n"), 1)

    def test_closed_standard_streams(self):
        # With descriptor 1 free, the next file would get it, and what is printed would land in the model.
        def close():
            os.closerange(0, 3)
        done = self.run_command("convert", self.gguf, "-o", self.folder / "closed.rnl", stdin=None, stdout=None, stderr=None,
                                preexec_fn=close)
        self.assertEqual(done.returncode, 1)  # the report was not printed
        self.assertEqual(self.run_command("verify", self.folder / "closed.rnl").returncode, 0)

    def test_prompts_that_do_not_fit(self):
        long = "shoes " * 3000
        self.fails("do not fit the context of", "run", self.model, "-p", long, "-n", "1")
        self.fails("do not fit the context of 64", "run", self.model, "-p", long, "-n", "1", "--context", "64")
        self.fails("do not fit the context of 64", "run", self.model, "--chat", "-p", long, "--context", "64", "--json")
        self.fails("context", "run", self.model, "-p", "hi", "--context", "100000000")
        self.fails("budget", "run", self.model, "-p", "hi", "--budget", "10K")
        self.fails("budget", "plan", self.model, "--budget", "lots")
        self.fails("not in the vocabulary", "run", self.model, "--ids", "5,99999999")
        self.fails("not a token id", "run", self.model, "--ids", "1,two")

    def test_arguments(self):
        self.fails("no subcommand", "fly", code=2)
        self.fails("--output is required (see runnel convert --help)", "convert", self.gguf, code=2)
        self.fails("--weights", "convert", self.gguf, "-o", self.folder / "out.rnl", "--weights", "q5", code=2)
        self.fails("not a size", "convert", self.gguf, "-o", self.folder / "out.rnl", "--shard-size", "3x")
        self.fails("--temp", "run", self.model, "-p", "hi", "--temp", "warm", code=2)
        self.fails("temperature", "run", self.model, "-p", "hi", "--temp=-1")
        self.fails("nothing to do", "run", self.model)
        self.fails("messages", "run", self.model, "--messages", "/dev/null")
        self.assertEqual(self.run_command().returncode, 2)
        self.leaves_nothing("out.rnl")

    def test_errors_as_json(self):
        # Nothing on standard output but a whole object: a script sees the exit code and an empty output.
        for arguments in (("run", self.model, "-p", "shoes " * 3000, "--json"), ("plan", self.folder / "absent.rnl", "--json"),
                          ("convert", self.folder / "absent", "-o", self.folder / "out.rnl", "--json")):
            done = self.fails("", *arguments)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    main()
