# init.sh BASE VAR: process 1 of a private containerd, in mount, pid, network, uts and ipc namespaces
# of its own. BASE holds config.toml and receives the daemon's log; VAR becomes /var/lib/denowasi.
#
# It prints "mounted PID" (its pid outside) when its file systems are in place, then obeys the lines
# on its stdin: `start`, `stop SIGNAL`. Its end is the end of every process it began: the daemon, the
# shims, the containers; the end of its stdin is its own.
#
# bash, not dash: it must reap adopted children while it waits for a line.
set -eu
base=$1 var=$2

read -r pid _ </proc/self/stat # still the outer /proc
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs /run
mkdir -p /run/containerd /run/lock /run/netns
# Writable /etc and /var/lib that leave the host's as they are.
scratch=$base/scratch
mkdir "$scratch"
mount -t tmpfs -o mode=755 tmpfs "$scratch"
for dir in etc var/lib; do
  mkdir -p "$scratch/$dir/upper" "$scratch/$dir/work"
  mount -t overlay -o "lowerdir=/$dir,upperdir=$scratch/$dir/upper,workdir=$scratch/$dir/work" overlay "/$dir"
done
umount --lazy "$scratch"
mkdir -p /etc/denowasi /var/lib/denowasi
mount --bind "$var" /var/lib/denowasi
# The hybrid cgroup layout becomes a plain v1 one: crun refuses the former.
if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
ip link set lo up
echo "mounted $pid"
exec >/dev/null

daemon=
while read -r verb signal; do
  case $verb in
    start)
      containerd --config "$base/config.toml" >>"$base/log" 2>&1 </dev/null &
      daemon=$!
      echo $daemon >/run/containerd.pid
      ;;
    stop)
      kill -s "$signal" $daemon
      wait $daemon || true
      rm -f /run/containerd.pid
      ;;
  esac
done
