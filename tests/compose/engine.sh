# A Docker engine for one test run, for machines where none answers. Sourced by run.sh.
# It has folders and a socket of its own, and takes back what it changed in the network.
# shellcheck shell=bash disable=SC2154 # what is not assigned here, run.sh assigns

engine_pid=
engine_dir=$build/compose-engine # images and containers: large, so not in /tmp
engine_run=                      # sockets: their paths must be short

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

require_engine() {
    engine_answers && return
    install_missing dockerd:docker.io curl:curl
    engine_answers && return
    start_engine
}

# AppArmor's own tool is needed where the kernel has AppArmor switched on.
require_apparmor_parser() {
    [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) != Y ]] \
        || install_missing apparmor_parser:apparmor
}

# Without nf_tables in the kernel the engine needs the older iptables.
choose_iptables() {
    local tool
    iptables --table nat --list >/dev/null 2>&1 && return
    mkdir "$engine_run/bin"
    for tool in iptables ip6tables; do
        ln -s "$(command -v "$tool-legacy")" "$engine_run/bin/$tool"
    done
    PATH=$engine_run/bin:$PATH
}

remember_network() {
    local tool
    for tool in iptables ip6tables; do
        "$tool-save" >"$engine_run/$tool.rules" 2>/dev/null || true
    done
    cat /proc/sys/net/ipv4/ip_forward >"$engine_run/ip_forward"
    [[ ! -e /sys/class/net/docker0 ]] || touch "$engine_run/had-docker0"
}

restore_network() {
    local tool
    for tool in iptables ip6tables; do
        "$tool-restore" <"$engine_run/$tool.rules" 2>/dev/null || true
    done
    cat "$engine_run/ip_forward" >/proc/sys/net/ipv4/ip_forward
    [[ -e $engine_run/had-docker0 ]] || ip link delete docker0 2>/dev/null || true
}

start_engine() {
    say "no Docker engine answers: starting one for this test ..."
    install_missing ip:iproute2 iptables:iptables
    require_apparmor_parser
    engine_run=$(mktemp -d /tmp/orderflow-engine.XXXXXX)
    choose_iptables
    remember_network
    # An MTU that also fits the tunnels many virtual machines sit behind.
    setsid dockerd --data-root "$engine_dir" --exec-root "$engine_run/exec" \
        --pidfile "$engine_run/dockerd.pid" --host "unix://$engine_run/docker.sock" \
        --mtu 1400 </dev/null >"$build/compose-engine.log" 2>&1 &
    engine_pid=$!
    export DOCKER_HOST=unix://$engine_run/docker.sock
    wait_for 60 "the engine answers" engine_answers \
        || die "the engine does not start: see $build/compose-engine.log"
}

engine_ended() { ! kill -0 "$engine_pid" 2>/dev/null; }

stop_engine() {
    [[ -n $engine_pid ]] || return 0
    say "stopping the engine ..."
    kill -TERM "$engine_pid" 2>/dev/null || true
    wait_for 30 "the engine ends" engine_ended || kill -KILL "$engine_pid" || true
    restore_network
    umount "$engine_run"/exec/netns/* "$engine_dir" 2>/dev/null || true
    rm -rf "$engine_dir" "$engine_run" || say "left behind: $engine_dir $engine_run"
}
