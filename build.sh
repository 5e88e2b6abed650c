#!/usr/bin/env bash
# The one entry point: ./build.sh without a command tells them all.
# Sets up what is missing, inside this folder where possible (target/, node_modules/).
set -euo pipefail
cd "$(dirname "$0")"
export PATH="$PWD/target/tools/bin:$PATH"
unset CARGO_TARGET_DIR

# Shared memory, for threads: the standard library is compiled again with atomics, which is not
# stable yet and asks for RUSTC_BOOTSTRAP. Its limit must be named: 1 GiB. Pictures that would need
# more are streamed.
threads="+atomics,+bulk-memory,+mutable-globals"
for arg in shared-memory import-memory max-memory=1073741824 \
    export=__wasm_init_tls export=__tls_size export=__tls_align export=__tls_base; do
    threads+=" -C link-arg=--$arg"
done

# The WebAssembly modules, one a line: name, features of the crate, rustflags. The first is built in the
# shortest time and runs everywhere; the second is the one that most browsers choose.
# The CPU engine for what a browser has (www/nijigen/shared/engine_files.js chooses), and the GPU engine.
modules() {
    cat <<TABLE
cpu                 cpu         -C target-feature=+simd128
cpu-relaxed-threads cpu,threads -C target-feature=+simd128,+relaxed-simd,$threads
cpu-threads         cpu,threads -C target-feature=+simd128,$threads
cpu-relaxed         cpu         -C target-feature=+simd128,+relaxed-simd
gpu                 gpu         -C target-feature=+simd128
TABLE
}

# WebAssembly features that browsers of 2023 and later have. wasm-opt must be told each by name:
# with --all-features it emits what Chromium rejects.
wasm_opt_flags=(--enable-simd --enable-bulk-memory --enable-nontrapping-float-to-int
    --enable-sign-ext --enable-mutable-globals --enable-reference-types --enable-multivalue)

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
die() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Prints the SHA-256 and the name of each file; macOS has the other program.
sha256="sha256sum"
have $sha256 || sha256="shasum -a 256"

apt_install() {
    say "installing $* (apt)"
    have apt-get || die "$* is needed and there is no apt-get here: please install it by hand"
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        have sudo || die "$* is needed: run 'apt-get install $*' as root, then try again"
        sudo=(sudo)
    fi
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq "$@" >/dev/null
}

set_up_rust() {
    if ! have cargo && [ -f "$HOME/.cargo/env" ]; then . "$HOME/.cargo/env"; fi
    have rustup || die "rustup is needed: see https://rustup.rs"
    have cc || apt_install build-essential
    # rust-toolchain.toml names the version; this installs it where it is missing.
    rustup show active-toolchain >/dev/null 2>&1 || rustup toolchain install
    rustup component list --installed | grep -qx rust-src || rustup component add rust-src
    local target
    for target in wasm32-unknown-unknown wasm32-wasip1; do
        rustup target list --installed | grep -qx "$target" || rustup target add "$target"
    done
}

check_node() {
    have node && have npm || die "Node 20 or newer and npm are needed: see https://nodejs.org"
    local major
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge 20 ] || die "Node $(node --version) is too old: 20 or newer is needed"
}

set_up_node() {
    check_node
    if ! cmp -s package-lock.json node_modules/.installed-lock; then
        say "installing Node packages"
        npm ci --no-audit --no-fund --loglevel=error
        cp package-lock.json node_modules/.installed-lock
    fi
}

# Bundlers, for the test of the examples only.
set_up_examples() {
    if ! cmp -s examples/package-lock.json examples/node_modules/.installed-lock; then
        say "installing bundlers for the examples"
        (cd examples && npm ci --no-audit --no-fund --loglevel=error)
        cp examples/package-lock.json examples/node_modules/.installed-lock
    fi
}

# wasm-bindgen's library in a small program, for the one thing that is needed of its command line.
bindgen="target/tools/bindgen/release/bindgen"
set_up_bindgen() {
    local version
    for lock in Cargo.lock tools/bindgen/Cargo.lock; do
        version+=" $(sed -n '/^name = "wasm-bindgen-shared"$/{n;s/version = "\(.*\)"/\1/p;}' "$lock")"
    done
    [ "${version% *}" = " ${version##* }" ] || die "Cargo.lock and tools/bindgen/Cargo.lock name different versions of wasm-bindgen:$version"
    [ -x "$bindgen" ] || say "building wasm-bindgen (once, 1 to 2 minutes)"
    cargo build --quiet --locked --release --manifest-path tools/bindgen/Cargo.toml --target-dir target/tools/bindgen
}

set_up_nextest() {
    cargo nextest --version >/dev/null 2>&1 || cargo_install cargo-nextest 0.9.143
}

# cargo_install CRATE VERSION: into target/tools.
cargo_install() {
    say "installing $1 $2 (once, a few minutes)"
    # The crate's own lock file may name versions that a registry mirror does not have yet.
    cargo install "$1" --version "$2" --root target/tools --locked ||
        cargo install "$1" --version "$2" --root target/tools
}

set_up_mdbook() {
    have mdbook || cargo_install mdbook 0.5.4
}

set_up_chromium() {
    [ -n "${CHROMIUM:-}" ] || have chromium || apt_install chromium
}

# A Vulkan device that is emulated in software, where there is no other: tests of the GPU engine run on it.
set_up_vulkan() {
    case "$(uname)" in Linux) ;; *) return ;; esac
    compgen -G "/usr/share/vulkan/icd.d/*.json" >/dev/null || apt_install libvulkan1 mesa-vulkan-drivers
}

# What goes on while a module is built, whose last step uses one core: setting up tools, then optimising the module before.
beside=""
finished() {
    if [ -n "$beside" ]; then wait "$beside" || die "it went wrong, see above"; fi
    beside=""
}

# vectors PROFILE FEATURES: options of cargo that switch on target features for the crates alone that ask for them, so that
# the standard library and all others are compiled once. They are not stable yet and ask for RUSTC_BOOTSTRAP.
vectors() {
    local crate
    vector_options=(-Z profile-rustflags)
    for crate in nijigen fearless_simd; do
        vector_options+=(--config "profile.$1.package.$crate.rustflags=['-Ctarget-feature=$2']")
    done
}

# build_module NAME FEATURES RUSTFLAGS: target/wasm/NAME/{nijigen.js,nijigen_bg.wasm}, when it is finished
build_module() {
    local name=$1 features=$2 rustflags=$3
    local options=(--profile web) opt_flags=("${wasm_opt_flags[@]}") linked="target/linked/$name/nijigen.wasm"
    case "$rustflags" in *,+relaxed-simd*)
        rustflags=${rustflags/,+relaxed-simd/}
        vectors web +simd128,+relaxed-simd
        options+=("${vector_options[@]}")
        opt_flags+=(--enable-relaxed-simd)
        ;;
    esac
    case "$rustflags" in *+atomics*)
        options+=(-Z build-std=std,panic_abort)
        opt_flags+=(--enable-threads)
        ;;
    esac
    say "building the module $name (one to three minutes the first time)"
    # For all modules: build scripts ask for it, and would run again.
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="$rustflags" cargo rustc --quiet --locked --package nijigen --lib \
        --crate-type cdylib "${options[@]}" \
        --target wasm32-unknown-unknown --target-dir target/web --no-default-features --features "$features"
    finished
    mkdir -p "target/linked/$name"
    cp target/web/wasm32-unknown-unknown/web/nijigen.wasm "$linked"
    finish_module "$name" "$linked" "${opt_flags[@]}" &
    beside=$!
}

# finish_module NAME LINKED OPTION...: optimises what cargo has linked, if that has changed
finish_module() {
    local name=$1 linked=$2 out="target/wasm/$1" stamp
    stamp=$($sha256 "$linked" build.sh package-lock.json tools/bindgen/Cargo.lock | $sha256)
    if [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
    rm -rf "$out.new"
    "$bindgen" "$linked" "$out.new"
    node_modules/.bin/wasm-opt -O3 "${@:3}" "$out.new/nijigen_bg.wasm" -o "$out.new/optimised.wasm"
    mv "$out.new/optimised.wasm" "$out.new/nijigen_bg.wasm"
    printf '%s' "$stamp" >"$out.new/stamp"
    rm -rf "$out"
    mv "$out.new" "$out"
    if [ -n "$is_growing" ]; then
        assemble_dist --growing
        say "the module $name is ready: the page offers it"
    fi
}

# assemble_dist [--growing]: the folder that can be copied to any static host, target/dist
assemble_dist() {
    local names name _
    while read -r name _; do names+=("$name"); done < <(modules)
    node tools/dist.mjs "$@" "${names[@]}"
}

# Whether the page is served meanwhile, with the modules that are there.
is_growing=""

set_up_build() {
    set_up_rust
    check_node
    set_up_tools &
    beside=$!
}

set_up_tools() {
    set_up_node
    set_up_bindgen
}

# build_modules [NUMBER]: those of the table from that line on
build_modules() {
    local name features rustflags
    # Not from standard input, which cargo reads.
    while read -r name features rustflags <&3; do
        build_module "$name" "$features" "$rustflags"
    done 3< <(modules | tail -n "+${1:-1}")
    finished
}

build() {
    set_up_build
    build_modules
    say "assembling target/dist"
    assemble_dist
}

# Serves the page once the first module is there, and builds the others meanwhile.
serve() {
    say "the page is served once its first module is built: a few minutes the first time, seconds from then on"
    set_up_build
    local name features rustflags server
    read -r name features rustflags < <(modules)
    build_module "$name" "$features" "$rustflags"
    finished
    assemble_dist --growing
    node www/server.mjs target/dist "$@" &
    server=$!
    trap 'kill "$server" 2>/dev/null || true' EXIT
    # In a program of its own, so that its failure is not that of the page.
    if ./build.sh grow; then
        say "all modules are ready"
    else
        say "the other modules could not be built, see above: the page goes on with those that are there"
    fi
    wait "$server"
}

# The modules after the first, into a page that is served.
grow() {
    is_growing=1
    say "the page works already; faster modules follow (some 10 minutes the first time), and the page offers them"
    build_modules 2
    assemble_dist
}

# What each part of the tests took, told at the end.
part_times=""
part() {
    local started=$SECONDS name=$1
    shift
    "$@"
    part_times+=$(printf '%3d:%02d  %s' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)) "$name")$'\n'
}

lint_rust() {
    cargo fmt --all --check
    cargo clippy --quiet --locked --workspace --all-targets --features nijigen/gpu -- -D warnings
    # As a user of the library has it: without Burn.
    cargo clippy --quiet --locked --package nijigen --lib --examples -- -D warnings
    local features
    for features in $(modules | awk '{ print $2 }' | sort -u); do
        cargo clippy --quiet --locked --package nijigen --lib --target wasm32-unknown-unknown \
            --no-default-features --features "$features" -- -D warnings
    done
}

test_kernels_in_wasm() {
    # Relaxed SIMD needs a flag in Node 20, which later versions do not know.
    local runner="node --no-warnings" flag=--experimental-wasm-relaxed-simd features
    if node "$flag" -e 0 2>/dev/null; then runner+=" $flag"; fi
    for features in "" +simd128 +simd128,+relaxed-simd; do
        vectors dev "$features"
        [ -n "$features" ] || vector_options=(-Z profile-rustflags)
        RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_WASIP1_RUNNER="$runner tests/wasi.mjs" \
            cargo test --quiet --locked --package nijigen --lib "${vector_options[@]}" \
            --target wasm32-wasip1 --target-dir target/wasi --no-default-features --features cpu kernels
    done
}

test_rust() {
    set_up_rust
    # Runs what is built for WebAssembly.
    check_node
    set_up_nextest
    set_up_vulkan
    say "formatting and lints"
    part "formatting and lints" lint_rust
    say "building the Rust tests"
    part "building the Rust tests" cargo nextest run --locked --workspace --features nijigen/gpu --no-run
    say "Rust tests"
    part "Rust tests" cargo nextest run --locked --workspace --features nijigen/gpu
    # nextest has none.
    part "documentation tests" cargo test --quiet --locked --workspace --features nijigen/gpu --doc
    say "kernels in WebAssembly: without SIMD, with it, with relaxed SIMD"
    part "kernels in WebAssembly" test_kernels_in_wasm
}

# The program, whose pictures the page's are compared with, by way of its tests: for them, dependencies have other features.
build_command_line() {
    set_up_rust
    cargo test --quiet --locked --workspace --features nijigen/gpu --test cli --no-run
}

# Against the modules' own declarations, too.
test_js() {
    part "modules" build
    say "JavaScript types"
    part "JavaScript types" node_modules/.bin/tsc -p tsconfig.json
}

test_browser() {
    set_up_chromium
    set_up_examples
    part "modules" build
    part "command line" build_command_line
    say "browser tests"
    part "browser tests" node --test --test-concurrency=1 tests/browser/*.test.mjs
}

run_tests() {
    case "${1:-}" in
    rust) test_rust ;;
    js) test_js ;;
    browser) test_browser ;;
    "")
        test_rust
        test_js
        test_browser
        ;;
    *) die "there are no tests '$1': expected rust, js or browser, or nothing for all" ;;
    esac
    say "all passed; minutes:"
    printf '%s' "$part_times"
}

case "${1:-}" in
serve) serve "${@:2}" ;;
grow) grow ;;
test) run_tests "${@:2}" ;;
build) build ;;
dist) assemble_dist ;;
compress) node www/compress.mjs target/dist ;;
pack)
    build
    node npm/assemble.mjs target/package
    (cd target/package && npm pack --pack-destination ..)
    ;;
bench)
    build
    set_up_chromium
    build_command_line
    node benches/browser.mjs "${@:2}"
    ;;
docs)
    set_up_rust
    set_up_mdbook
    mdbook build
    cargo doc --quiet --locked --no-deps --package nijigen
    say "target/book/index.html, and target/doc/nijigen/index.html for the library"
    ;;
fmt) cargo fmt --all ;;
*)
    cat <<'USAGE'
usage: ./build.sh serve [--port N]   set up, build, and serve the page as soon as one module is there
       ./build.sh test [PART]        set up and run all tests, or those of rust, js or browser
       ./build.sh build              build the page into target/dist
       ./build.sh dist               assemble target/dist again from what is built
       ./build.sh compress           compress target/dist ahead, for hosts that send such copies
       ./build.sh pack               build the npm package into target/package, and its tarball
       ./build.sh bench [OPTIONS]    time the engine beside onnxruntime-web (benches/browser.mjs)
       ./build.sh docs               build the documents as a site into target/book
       ./build.sh fmt                format the Rust code
USAGE
    exit 2
    ;;
esac
