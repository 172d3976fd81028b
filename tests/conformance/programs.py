# SPDX-License-Identifier: Apache-2.0
"""What the shared jobs run: one that looks around and leaves one of everything, and small ones."""

from __future__ import annotations

SLEEPS = "import time; print('sleeping', flush=True); time.sleep(300)"

WRITES_EARLY_AND_SLEEPS = f"open('/data/outputs/early.txt', 'w').write('early')\n{SLEEPS}"

CATCHES_SIGTERM = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print('sleeping', flush=True)
time.sleep(300)
"""

EXITS_WITH_3 = """
import sys
open('/data/outputs/part.txt', 'w').write('part')
open('/data/outputs/bytes', 'wb').write(bytes(range(128, 256)))
print('out', flush=True)
print('err', file=sys.stderr)
sys.exit(3)
"""

TAKES_ALL_MEMORY = "taken = []\nwhile True: taken.append(bytearray(50_000_000))"

# What is written before the node has measured the container for the first time is free. The blocks are taken,
# however they are counted, but nobody waits until zeros are in them.
WRITES_LATE = """
import os, time
time.sleep(%s)
with open('/data/outputs/big', 'wb') as file:
    os.posix_fallocate(file.fileno(), 0, %s * 10_000_000)
time.sleep(300)
"""

# Raw bytes without a newline, then a line longer than a frame; no output.
WRITES_BYTES = """
import sys
sys.stdout.buffer.write(bytes(range(256)))
sys.stdout.buffer.flush()
print('x' * 40000)
"""

PRINTS_SLOWLY = """
import sys, time
for number in range(4):
    print('line', number, flush=True)
    print('warn', number, file=sys.stderr, flush=True)
    time.sleep(%s)
time.sleep(300)
"""

PRINTS_INPUTS = """
import os
for name in sorted(os.listdir('/data/inputs')):
    print(name + '=' + open('/data/inputs/' + name).read().strip())
"""

LINKS_BUCKET_FILES = """
import glob, os
linked = []
for path in glob.glob('/data/persistentStorage/*/*'):
    linked.append('/data/inputs/' + os.path.basename(path))
    os.symlink(path, linked[-1])
for name in sorted(os.listdir('/data/inputs')):
    print(name + '=' + open('/data/inputs/' + name).read().strip())
try:
    open(glob.glob('/data/persistentStorage/*/*')[0], 'a')
    print('bucket file is writable')
except OSError:
    print('bucket file is read-only')
for link in linked:
    os.remove(link)
print(sorted(os.listdir('/data/inputs')), sorted(os.listdir('/data/outputs')))
print(os.environ['SETTINGS'])
open('/data/outputs/made.txt', 'w').write('made by a job')
"""

LEAVES_EVERYTHING = """
import json, os, stat, sys, time
print('to stdout', flush=True)
print('to stderr', file=sys.stderr, flush=True)

def entry(path):
    status = os.lstat(path)
    return [stat.filemode(status.st_mode), path]

def writable(folder):
    try:
        open(os.path.join(folder, 'try'), 'w').close()
        os.remove(os.path.join(folder, 'try'))
        return True
    except OSError:
        return False

tree = []
for folder, folders, files in sorted(os.walk('/data')):
    tree.append(entry(folder))
    tree += [entry(os.path.join(folder, name)) for name in sorted(files)]
status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines())
folders = ('/', '/tmp', '/data', '/data/inputs', '/data/outputs', '/data/ddos', '/data/transformations',
           '/data/logs', '/home', '/dev/shm', '/usr')
inside = {
    'environment': dict(os.environ),
    'user': [os.getuid(), os.geteuid(), os.getgid()],
    'umask': os.umask(0o022),
    'folder': os.getcwd(),
    'arguments': sys.argv,
    'tree': tree,
    'mounts': [line.split()[1] for line in open('/proc/mounts')],
    'cores': len(os.sched_getaffinity(0)),
    'capabilities': {name: status[name].strip() for name in ('CapPrm', 'CapEff', 'CapBnd', 'CapAmb')},
    'no new privileges': status['NoNewPrivs'].strip(),
    'networks': [line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line],
    'routes': len(open('/proc/net/route').readlines()) - 1,
    'custom data': json.load(open('/data/inputs/algoCustomData.json')),
    'writable': {folder: writable(folder) for folder in folders},
    'shared memory': os.statvfs('/dev/shm').f_blocks * os.statvfs('/dev/shm').f_frsize,
    'stdin': sys.stdin.read(),
    'terminal': sys.stdin.isatty() or sys.stdout.isatty(),
    'neighbours': sorted(name for name in os.listdir('/proc') if name.isdigit()),
    'algorithm': os.stat('/data/transformations/algorithm').st_size,
}

os.chdir('/data/outputs')
open('inside.json', 'w').write(json.dumps(inside))
os.makedirs('sub/deep')
os.mkdir('empty')
open('sub/deep/gr\\u00f6\\u00dfe-\\u6570\\u636e.txt', 'w').write('abc')
open('with space.txt', 'w').write('x')
open('zero', 'w').close()
open('private.txt', 'w').write('me')
os.chmod('private.txt', 0o600)
open('run.sh', 'w').write('#!/bin/sh\\n')
os.chmod('run.sh', 0o755)
open('answer.json', 'w').write('{"n": 42}')
os.link('answer.json', 'hard.json')
os.symlink('answer.json', 'link.json')
os.symlink('/etc/passwd', 'outside')
os.mkfifo('pipe')
"""
