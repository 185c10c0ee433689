#!/usr/bin/env bash
# A Slurm cluster of one node on the loopback: munged, slurmctld and slurmd of Debian's packages (apt-get install
# slurmctld slurmd slurm-client munge), with four GPUs that are none. No root, no systemd, no database.
#
#   cluster.sh start DIR [PID]   what the cluster writes is in DIR; export SLURM_CONF=DIR/slurm.conf PATH=DIR/bin:$PATH;
#                                with a process id, the cluster is stopped when that process ends, however it ends
#   cluster.sh stop DIR          daemons and jobs, and not before all are gone
#   cluster.sh daemon DIR NAME   start munged, slurmctld or slurmd again; its process id is in DIR/NAME.pid
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

configure() {
  mkdir -p "$dir/state" "$dir/spool" "$dir/bin"
  head -c 128 /dev/urandom > "$dir/munge.key"
  chmod 700 "$dir" && chmod 600 "$dir/munge.key"
  # Snakemake's plugin hides SLURM_CONF from the srun inside a job.
  printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$dir/slurm.conf" "$(command -v srun)" > "$dir/bin/srun"
  chmod +x "$dir/bin/srun"
  # Slurm wants devices; these are on every machine and harm nobody.
  echo "Name=gpu File=/dev/null,/dev/zero,/dev/full,/dev/random" > "$dir/gres.conf"
  local host user
  host=$(hostname -s)
  user=$(id -un)
  # Jobs are found by the cluster's name, which is in their environment.
  cat > "$dir/slurm.conf" <<CONF
ClusterName=loopback$$
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=36817
SlurmdPort=36818
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CryptoType=crypto/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.own.pid
SlurmdPidFile=$dir/slurmd.own.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
# No cgroups in a container.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
# Cores and memory are what this file says, so that four jobs run at once on any machine.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,batch_sched_delay=1
GresTypes=gpu
# No accounting: jobs stay in squeue long enough for its user to see how they ended.
AccountingStorageType=accounting_storage/none
MinJobAge=300
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=20000 Gres=gpu:4
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
}

daemon() {
  case $1 in
    munged) set -- "$1" --foreground --force --key-file "$dir/munge.key" --socket "$dir/munge.socket" \
      --pid-file "$dir/munged.own.pid" --log-file "$dir/munged.log" --seed-file "$dir/munged.seed" ;;
    slurmctld | slurmd) set -- "$1" -D ;;
    *) echo "error: $1: expected munged, slurmctld or slurmd" >&2 && exit 1 ;;
  esac
  SLURM_CONF="$dir/slurm.conf" setsid "$@" > "$dir/$1.out" 2>&1 < /dev/null &
  echo $! > "$dir/$1.pid"
}

await() { # what, command...
  local what=$1
  shift
  for _ in $(seq 100); do
    "$@" > /dev/null 2>&1 && return
    sleep 0.2
  done
  echo "error: $what; see the logs in $dir" >&2
  exit 1
}

idle() { SLURM_CONF="$dir/slurm.conf" sinfo --noheader --format=%T | grep -qx idle; }

start() {
  configure
  daemon munged
  await "munged does not answer" test -S "$dir/munge.socket"
  daemon slurmctld
  await "slurmctld does not answer" env SLURM_CONF="$dir/slurm.conf" scontrol ping
  daemon slurmd
  await "the node does not become idle" idle
}

# Processes of this cluster: daemons, and all that its jobs started.
ours() {
  local name pid
  name=$(sed -n s/^ClusterName=//p "$dir/slurm.conf")
  for pid in $(grep -lzsxE "SLURM_CONF=$dir/slurm.conf|SLURM_CLUSTER_NAME=$name" /proc/[0-9]*/environ | cut -d/ -f3); do
    case $(cat "/proc/$pid/comm" 2> /dev/null) in
      slurm* | munged) echo "$pid" ;;
      *) grep -qzsx "SLURM_CLUSTER_NAME=$name" "/proc/$pid/environ" && echo "$pid" ;;
    esac
  done
  return 0
}

stop() {
  touch "$dir/stopped"
  for signal in TERM KILL KILL; do
    ours | xargs --no-run-if-empty kill "-$signal" 2> /dev/null || true
    for _ in $(seq 25); do
      [ -z "$(ours)" ] && return
      sleep 0.2
    done
  done
  echo "error: still there: $(ours | xargs)" >&2
  exit 1
}

guard() { # process id
  while kill -0 "$1" 2> /dev/null && [ ! -e "$dir/stopped" ]; do sleep 1; done
  stop
}

dir=$(realpath -m "$2")
case $1 in
  start)
    start
    [ -z "${3:-}" ] || setsid "$0" guard "$dir" "$3" > /dev/null 2>&1 < /dev/null &
    ;;
  stop) stop ;;
  daemon | guard) "$1" "$3" ;;
  *) echo "error: $1: expected start, stop or daemon" >&2 && exit 1 ;;
esac
