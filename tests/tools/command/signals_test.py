#!/usr/bin/env python3
"""Ctrl-C and kill: the command ends soon, says so in one line, exits non-zero, and leaves no file behind."""
import os
import pty
import signal
import subprocess
import time

from command_case import RUNNEL, TIMEOUT, CommandCase, main
from small_gguf import write_gguf

SOON = 10  # seconds, on a busy machine


class Signals(CommandCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A gigabyte that takes no disk to read, and seconds to convert.
        cls.large = write_gguf(cls.folder / "large.gguf", (16, 2048, 8192, 16, 16), 8000, 4096, sparse=True)

    def start(self, *arguments, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([RUNNEL, *map(str, arguments)], env=self.environment, **options)

    def end(self, process, number):
        """Signals; returns the exit code and the lines of stderr. The end must come soon."""
        process.send_signal(number)
        began = time.monotonic()
        _, errors = process.communicate(timeout=TIMEOUT)
        self.assertLess(time.monotonic() - began, SOON)
        return process.returncode, errors.decode().splitlines()

    def wait_for(self, condition, what):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.005)

    def test_convert(self):
        partial = self.folder / "out.rnl.partial"
        share = lambda wanted: lambda: partial.exists() and partial.stat().st_size >= wanted
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for wanted in (0, 1, 50_000_000, 200_000_000):
                for shards in ((), ("--shard-size", "20M")) if wanted == 0 else ((),):
                    with self.subTest(signal=number.name, bytes=wanted, shards=shards):
                        process = self.start("convert", self.large, "-o", self.folder / "out.rnl", "--weights", "q4", *shards)
                        if not shards:
                            self.wait_for(share(wanted), "the conversion never came so far")
                        else:
                            self.wait_for(lambda: list(self.folder.glob("*00003-of*")), "no third shard")
                        code, lines = self.end(process, number)
                        self.assertEqual((code, len(lines)), (1, 1), lines)
                        self.assertIn("cancelled", lines[0])
                        self.leaves_nothing("out.rnl")
                        self.assertEqual(list(self.folder.glob("out*")), [])

    def test_run(self):
        # Once generating; once before, or while, the prompt is computed.
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start("run", self.small(), "-p", "x", "--ignore-eos", "--temp", "0")
            process.stdout.read(1)
            code, lines = self.end(process, number)
            self.assertEqual((code, len(lines)), (1, 1), lines)
            self.assertIn("interrupted", lines[0])
        for delay in (0, 0.005, 0.02, 0.05):
            process = self.start("run", self.small(), "-p", "x" * 15000, "--ignore-eos")
            time.sleep(delay)
            code, lines = self.end(process, signal.SIGINT)
            self.assertIn((code, len(lines)), ((1, 1), (-signal.SIGINT, 0)), lines)

    def test_logits(self):
        process = self.start("logits", self.small(), "-p", "x" * 15000, "-o", self.folder / "out.npy")
        self.wait_for((self.folder / "out.npy.partial").exists, "no output was begun")
        code, lines = self.end(process, signal.SIGINT)
        self.assertEqual((code, len(lines)), (1, 1), lines)
        self.assertIn("interrupted", lines[0])
        self.leaves_nothing("out.npy")

    def test_chat_at_the_prompt(self):
        # Where the command waits for a person, the first Ctrl-C ends it.
        try:
            control, terminal = pty.openpty()
        except OSError as error:
            self.skipTest(f"no pseudo-terminal here: {error}")
        process = self.start("run", self.model, "--chat", stdin=terminal)
        prompt = b""
        while not prompt.endswith(b"> "):
            prompt += process.stderr.read(1)
        code, lines = self.end(process, signal.SIGINT)
        self.assertEqual((code, lines), (-signal.SIGINT, []))
        os.close(control)
        os.close(terminal)

    def small(self):
        model = self.folder / "slow.rnl"
        if not model.exists():
            source = write_gguf(self.folder / "slow.gguf", (6, 512, 2048, 8, 8), 320, 16384, kind="q4_0")
            done = self.run_command("convert", source, "-o", model)
            self.assertEqual(done.returncode, 0, done.stderr)
        return model


if __name__ == "__main__":
    main()
