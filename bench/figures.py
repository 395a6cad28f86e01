"""Figures of ours beside those of what they are compared with."""
import datetime
import os
import pathlib
import platform
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def build(preset, target, path):
    """The program at `path`, built if it is not there."""
    if not path.exists():
        print('building %s' % path.relative_to(ROOT), file=sys.stderr)
        subprocess.run(['cmake', '--preset', preset], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(['ninja', '-C', 'build/' + preset, target], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return path


def machine():
    for line in open('/proc/cpuinfo'):
        if line.startswith('model name'):
            return line.split(':', 1)[1].strip()
    return platform.machine()


def circumstances():
    return {'date': datetime.date.today().isoformat(), 'cores': os.cpu_count(), 'machine': machine()}


def told(result):
    return '%s, %d cores, %s' % (result['date'], result['cores'], result['machine'])


def show(value, unit):
    if value is None:
        return ''
    if unit == 's':
        return '%.1f ms' % (value * 1000) if value < 1 else '%.2f s' % value
    return {'MB': '%.0f MB', '%': '%.2f%%', '/s': '%.0f/s', 'x': '%.2fx'}[unit] % value


def table(rows, ours, theirs, name):
    """Lines of a table. A row: key, what is told, unit, whether more is better, the budget of the ratio (ours over theirs where more is better, else
    theirs over ours), None, or what it says in words."""
    yield '| | Sampan | %s | better by | budget |' % name
    yield '|---|---|---|---|---|'
    for key, what, unit, more, budget in rows:
        mine, other = ours.get(key), (theirs or {}).get(key)
        ratio = '%.1fx' % (mine / other if more else other / mine) if mine and other else ''
        told_budget = budget if isinstance(budget, str) else '%dx' % budget if budget else ''
        yield '| %s |' % ' | '.join((what, show(mine, unit), show(other, unit), ratio, told_budget))
