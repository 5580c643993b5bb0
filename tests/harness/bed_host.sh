#!/bin/sh
# What a host of the bed does as its first process, in namespaces of its own (bed.py makes them). Its root is an overlay over this
# machine's with a tmpfs on top: what is written there is private and gone when it ends. Files in the directory $H steer it.
set -eu
H=$1 NAME=$2 USER=$3 DISK=$4 BOOT_DELAY=$5 SHARED=$6
ROOT=$H/top/root
hostname "$NAME"
mkdir -p "$H/top"
mount -t tmpfs -o "size=$DISK,mode=755" bed "$H/top"
mkdir "$H/top/up" "$H/top/work" "$ROOT"
mount -t overlay -o "lowerdir=/,upperdir=$H/top/up,workdir=$H/top/work" bed "$ROOT"
mount --rbind /dev "$ROOT/dev"
mount -t sysfs sysfs "$ROOT/sys"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs -o "size=$DISK,mode=755" run "$ROOT/run"
mkdir -m 1777 "$ROOT/run/lock"
mkdir -m 755 "$ROOT/run/sshd"
mount -t tmpfs -o "size=$DISK,mode=1777" tmp "$ROOT/tmp"
for directory in "$H" "$SHARED"; do
  mkdir -p "$ROOT$directory"
  mount --bind "$directory" "$ROOT$directory"
done
rm -f "$ROOT/root/.bashrc" # bash reads it for every command
echo "127.0.0.1 localhost $NAME" >"$ROOT/etc/hosts"
if [ "$USER" != root ]; then
  chroot "$ROOT" useradd --create-home --shell /bin/bash --password "*" "$USER" # without PAM sshd refuses a locked account
  echo "$USER ALL=(ALL) NOPASSWD: ALL" >"$ROOT/etc/sudoers.d/bed"
fi
sleep "$BOOT_DELAY"
chroot "$ROOT" /bin/sh "$H/userdata" || echo "user data: exit status $?"
exec chroot "$ROOT" /usr/sbin/sshd -D -e -f "$H/sshd_config" # as first process sshd also reaps orphans
