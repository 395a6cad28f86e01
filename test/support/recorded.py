"""Tests whose expectations are what a real kube-apiserver did: lines of text, one for each request, followed by indented ones for what came of it. They are
kept in a file beside the test and asked anew with --record."""
import difflib
import itertools
import json
import os
import sys

import servers
import side_by_side


def text(value):
    """JSON without what no two servers have alike."""
    return side_by_side.anyone(json.dumps(value, sort_keys=True))


def counts(client, families, passed_over=()):
    """What the server has counted: these families of /metrics, but for lines with one of the words that are passed over."""
    lines = client.raw('GET', '/metrics')[1].decode().splitlines()
    return ['what was counted'] + ['    ' + line for line in sorted(lines) if line.startswith(tuple(families)) and not any(word in line for word in passed_over)]


def blocks(lines):
    """A request with what was asked because of it."""
    out = []
    for line in lines:
        if not line.startswith(' '):
            out.append([])
        out[-1].append(line)
    return out


def show(ours, real):
    print((real or ours)[0][:100])
    for line in difflib.unified_diff(real, ours, 'real', 'ours', n=0, lineterm=''):
        if not line.startswith(('---', '+++', '@@')):
            print('  ' + line[:2500])
    for of_ours, of_real in zip(ours, real):
        if of_ours != of_real:
            print('  parted: ' + side_by_side.parted(of_ours, of_real))
    print()


def main(name, usage, file, run):
    """`run(server, pause).go()` gives the lines."""
    arguments = sys.argv[1:]
    if arguments == ['--record']:
        real_binary, etcd_binary = os.environ.get('KUBE_APISERVER', ''), os.environ.get('ETCD', '/usr/bin/etcd')
        lines = run(servers.KubeApiserver(real_binary, etcd_binary=etcd_binary), 2).go()
        file.write_text('\n'.join(lines) + '\n')
        print('%s: %d lines recorded' % (name, len(lines)))
        return 0
    binary = servers.take_program(arguments, usage)
    expected = file.read_text().splitlines()
    lines = run(servers.Sampan(binary, flags=['--service-cluster-ip-range=10.96.0.0/16']), 0.2).go()
    different = 0
    for ours, real in itertools.zip_longest(blocks(lines), blocks(expected), fillvalue=[]):
        if ours == real:
            continue
        different += 1
        if different <= int(os.environ.get('SHOWN', '20')):
            show(ours, real)
    requests = sum(not line.startswith(' ') for line in lines)
    print('%s: %d requests, %d lines about them: %s' % (name, requests, len(lines) - requests, '%d DIFFERENCES' % different if different else 'as the real server has them'))
    return 1 if different else 0
