"""Runs reference programs one after the other, each in a fork of this process, which has imported PyTorch and the rest once:

    /usr/bin/python3 scripts/reference/run-programs.py FILE ...

Writes a line of JSON for each: file, status, seconds, and what it wrote to its standard error. A fork starts as a new process does, but for the
modules: nothing was computed before, so no thread, random state or setting comes along.
"""
import json
import os
import runpy
import sys
import tempfile
import time
import traceback

import cv2
import numpy
import scipy.io.wavfile
import scipy.signal
import skimage.metrics
import torch
import torchaudio
import torchvision


def run(file):
    """As `python3 FILE` does, in this process; returns its exit status."""
    sys.argv, sys.path[0] = [file], os.path.dirname(os.path.abspath(file))
    try:
        runpy.run_path(file, run_name='__main__')
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def in_fork(file):
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(errors.fileno(), 2)
            status = run(file)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        _, ended = os.waitpid(child, 0)
        errors.seek(0)
        text = errors.read().decode(errors='replace')
    status = os.WEXITSTATUS(ended) if os.WIFEXITED(ended) else f'signal {os.WTERMSIG(ended)}'
    return {'file': file, 'status': status, 'seconds': round(time.monotonic() - started, 1), 'errors': text}


for program in sys.argv[1:]:
    print(json.dumps(in_fork(program)), flush=True)
