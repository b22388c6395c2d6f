#!/bin/bash
# A Slurm cluster of this one machine, for the tests of `vise search --executor slurm`.
#
#   slurm_node.sh start DIR    starts munged, slurmctld and slurmd, with all they keep in DIR
#   slurm_node.sh stop DIR     ends them
#   slurm_node.sh reboot DIR   ends slurmd as a power cut would, with its jobs, and starts it again
#
# Needs root and Debian's packages munge and slurm-wlm. After `start`, SLURM_CONF=DIR/slurm.conf.
set -eu
# Who started this may wait until all that its child holds open is closed; daemons never close it.
for file in /proc/self/fd/*; do
  number=${file##*/}
  [ "$number" -le 2 ] || eval "exec $number>&-"
done
action=$1
dir=$(realpath -m "$2")
SLURM_CONF=$dir/slurm.conf
export SLURM_CONF

wait_for_node() {
  tries=0
  until sinfo --noheader --format=%t 2>/dev/null | grep -q -E '^(idle|mix|alloc)$'; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "the node does not come up" >&2; exit 1; }
    scontrol update nodename=local state=resume >/dev/null 2>&1 || true
    sleep 0.3
  done
}

end() {
  [ -f "$1" ] && kill "-$2" "$(cat "$1")" 2>/dev/null || true
}

start() {
  mkdir -p "$dir/state" "$dir/spool" "$dir/munge"
  chmod 755 "$dir" && chmod 700 "$dir/munge"
  head -c 1024 /dev/urandom > "$dir/munge/key" && chmod 400 "$dir/munge/key"
  cat > "$SLURM_CONF" <<CONF
ClusterName=vise
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmdTimeout=10
JobRequeue=1
MpiDefault=none
NodeName=local NodeHostname=local NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=local Default=YES MaxTime=INFINITE State=UP
CONF
  munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" \
    --pid-file="$dir/munge/pid" --log-file="$dir/munge/log" --seed-file="$dir/munge/seed"
  slurmctld -c
  slurmd -N local
  wait_for_node
}

stop() {
  scancel --user=root >/dev/null 2>&1 || true
  end "$dir/slurmd.pid" TERM
  end "$dir/slurmctld.pid" TERM
  end "$dir/munge/pid" TERM
}

reboot() {
  # All that runs on the node: slurmd, the step daemons of its jobs, and the jobs themselves.
  end "$dir/slurmd.pid" KILL
  for step in $(pgrep -f "slurmstepd: \[") ; do
    pkill -KILL -P "$step" || true
    kill -KILL "$step" 2>/dev/null || true
  done
  pkill -KILL -f "vise.* search-task" || true
  slurmd -N local -b
  wait_for_node
}

case $action in
  start | stop | reboot) "$action" ;;
  *) echo "start, stop or reboot" >&2; exit 2 ;;
esac
