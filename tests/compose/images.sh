# The two public images the files name: pulled, or made here under the same names
# where no registry can be reached. Sourced by run.sh.
# shellcheck shell=bash disable=SC2154 # what is not assigned here, run.sh assigns

debian_image=debian:bookworm-slim
kafka_image=$(sed -n 's/^ *image: \(apache\/kafka:.*\)$/\1/p' "$root/docker-compose.yml")
stand_ins=()

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

pull_began_or_ended() {
    grep -q 'Pulling from' "$build/compose-pull.log" || ! kill -0 "$pull_pid" 2>/dev/null
}

# A registry that does not answer is not waited for, and not asked again.
pull_image() {
    [[ $images_from != stand-in ]] || return 1
    say "pulling $1 ..."
    docker pull "$1" >"$build/compose-pull.log" 2>&1 &
    pull_pid=$!
    wait_for 20 "a registry answers" pull_began_or_ended || kill "$pull_pid"
    wait "$pull_pid" && return
    [[ $images_from == pull ]] || images_from=stand-in
    return 1
}

# require_image NAME MAKE: there, else pulled, else made by the function MAKE
require_image() {
    have_image "$1" && return
    pull_image "$1" && return
    [[ $images_from != pull ]] || die "$1 cannot be pulled: see $build/compose-pull.log"
    say "no $1 from a registry: using a stand-in made here"
    stand_ins+=("$1")
    "$2"
}

# One line a Debian archive this machine's apt uses; debootstrap's own default if none.
debian_sources() {
    # shellcheck disable=SC2016 # apt-get expands these
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Origin: Debian' 'Created-By: Packages' | grep -E ' bookworm(-updates|-security)? ' || true
}

bootstrap_debian() {
    local tree=$build/compose-debian mirror
    say "making $debian_image with debootstrap (about half a minute) ..."
    install_missing debootstrap:debootstrap
    rm -rf "$tree"
    mirror=$(debian_sources | awk '$3 == "bookworm" { print $2; exit }')
    debootstrap --variant=minbase bookworm "$tree" ${mirror:+"$mirror"} >"$build/compose-debian.log" \
        || die "debootstrap failed: see $build/compose-debian.log"
    debian_sources | grep . >"$tree/etc/apt/sources.list.new" \
        && mv "$tree/etc/apt/sources.list.new" "$tree/etc/apt/sources.list"
    # As in the real image: a build keeps no downloaded package.
    echo 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };' \
        >"$tree/etc/apt/apt.conf.d/docker-clean"
    rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*
    tar --directory "$tree" --numeric-owner --create . \
        | docker import --change 'CMD ["bash"]' - "$debian_image" >/dev/null
    rm -rf "$tree"
}

# debootstrap's half minute is spent once.
make_debian() {
    local kept=$build/compose-debian-bookworm.tar
    if [[ -e $kept ]]; then
        docker load --quiet --input "$kept" >/dev/null
        return
    fi
    bootstrap_debian
    docker save --output "$kept.new" "$debian_image"
    mv "$kept.new" "$kept"
}

make_kafka() {
    local context=$build/compose-kafka
    say "making $kafka_image from Maven's jars ..."
    "$root/scripts/kafka.sh" fetch
    rm -rf "$context"
    cp -r "$here/kafka-image" "$context"
    (cd "$root" && cp -r "${KAFKA_LIBS_DIR:-build/kafka/libs}" "$context/libs")
    docker build --quiet --tag "$kafka_image" "$context" >/dev/null 2>"$build/compose-kafka.log" \
        || die "the build of $kafka_image failed: see $build/compose-kafka.log"
    rm -rf "$context"
}

require_images() {
    require_image "$debian_image" make_debian
    require_image "$kafka_image" make_kafka
}

# On an engine that is not ours, a stand-in must not pass for the real image later.
remove_stand_ins() {
    ((${#stand_ins[@]} == 0)) || docker image rm --force "${stand_ins[@]}" >/dev/null 2>&1 || true
}
