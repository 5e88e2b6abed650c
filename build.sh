#!/usr/bin/env bash
# The one entry point: ./build.sh serve | test | build | dist | compress | pack | bench | fmt
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

# The WebAssembly modules, one a line: name, features of the crate, rustflags. The CPU engine for what a browser has
# (www/nijigen/shared/engine_files.js chooses), and the GPU engine.
modules() {
    cat <<TABLE
cpu                 cpu         -C target-feature=+simd128
cpu-relaxed         cpu         -C target-feature=+simd128,+relaxed-simd
cpu-threads         cpu,threads -C target-feature=+simd128,$threads
cpu-relaxed-threads cpu,threads -C target-feature=+simd128,+relaxed-simd,$threads
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

set_up_node() {
    have node && have npm || die "Node 20 or newer and npm are needed: see https://nodejs.org"
    local major
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge 20 ] || die "Node $(node --version) is too old: 20 or newer is needed"
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

set_up_wasm_bindgen() {
    local version
    version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
    if have wasm-bindgen && [ "$(wasm-bindgen --version)" = "wasm-bindgen $version" ]; then return; fi
    cargo_install wasm-bindgen-cli "$version"
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

set_up_chromium() {
    [ -n "${CHROMIUM:-}" ] || have chromium || apt_install chromium
}

# A Vulkan device that is emulated in software, where there is no other: tests of the GPU engine run on it.
set_up_vulkan() {
    case "$(uname)" in Linux) ;; *) return ;; esac
    compgen -G "/usr/share/vulkan/icd.d/*.json" >/dev/null || apt_install libvulkan1 mesa-vulkan-drivers
}

# build_module NAME FEATURES RUSTFLAGS: target/wasm/NAME/{nijigen.js,nijigen_bg.wasm}
build_module() {
    local name=$1 features=$2 rustflags=$3
    local out="target/wasm/$name" linked="target/wasm-build/$name/wasm32-unknown-unknown/web/nijigen.wasm"
    local options=(--profile web) opt_flags=("${wasm_opt_flags[@]}")
    case "$rustflags" in *+relaxed-simd*) opt_flags+=(--enable-relaxed-simd) ;; esac
    case "$rustflags" in *+atomics*)
        options+=(-Z build-std=std,panic_abort)
        opt_flags+=(--enable-threads)
        export RUSTC_BOOTSTRAP=1
        ;;
    esac
    say "building the module $name"
    RUSTFLAGS="$rustflags" cargo build --quiet --locked --lib "${options[@]}" \
        --target wasm32-unknown-unknown --target-dir "target/wasm-build/$name" \
        --no-default-features --features "$features"
    unset RUSTC_BOOTSTRAP
    # Optimising takes its time: only what changed.
    local stamp
    stamp=$($sha256 "$linked" build.sh package-lock.json | $sha256)
    if [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
    rm -rf "$out"
    # Without the module's address, of which bundlers would make another copy.
    wasm-bindgen --target web --omit-default-module-path --out-dir "$out" "$linked"
    node_modules/.bin/wasm-opt -O3 "${opt_flags[@]}" "$out/nijigen_bg.wasm" -o "$out/optimised.wasm"
    mv "$out/optimised.wasm" "$out/nijigen_bg.wasm"
    printf '%s' "$stamp" >"$out/stamp"
}

# list_files FOLDER: size and SHA-256 of the files that www/nijigen/shared/assets.js checks, as FOLDER/manifest.json.
list_files() {
    local files file separator=""
    files=$(cd "$1" && find . -name '*.wasm' -o -name '*.bin' -o -name '*.txt' | LC_ALL=C sort)
    {
        printf '{"version": 1, "files": {'
        for file in $files; do
            printf '%s\n  "%s": {"bytes": %d, "sha256": "%s"}' "$separator" "${file#./}" \
                "$(wc -c <"$1/$file")" "$($sha256 "$1/$file" | cut -d" " -f1)"
            separator=","
        done
        printf '\n}}\n'
    } >"$1/manifest.json"
}

# The folder that can be copied to any static host: target/dist
assemble_dist() {
    say "assembling target/dist"
    rm -rf target/dist
    mkdir -p target/dist
    cp -R www/. target/dist
    rm -f target/dist/server.mjs target/dist/compress.mjs
    local name _
    while read -r name _; do
        mkdir -p "target/dist/nijigen/wasm/$name"
        cp "target/wasm/$name/nijigen_bg.wasm" "target/dist/nijigen/wasm/$name/"
    done < <(modules)
    # One script for both levels of SIMD, see www/nijigen/engine_worker/module_scripts.js.
    for name in cpu cpu-threads gpu; do
        cp "target/wasm/$name/nijigen.js" "target/dist/nijigen/wasm/$name/"
    done
    for name in "" -threads; do
        cmp "target/wasm/cpu$name/nijigen.js" "target/wasm/cpu-relaxed$name/nijigen.js" ||
            die "the scripts of cpu$name and cpu-relaxed$name differ: name both in module_scripts.js"
    done
    list_files target/dist/nijigen/wasm
    # The default detector of faces, which a page loads only where faces are asked for. TensorFlow.js
    # and the models are under the Apache licence.
    local human=node_modules/@vladmandic/human faces=target/dist/nijigen/faces
    mkdir -p "$faces"
    cp "$human/LICENSE" LICENSE-APACHE "$human/models/"{blazeface,facemesh}.bin \
        node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm "$faces/"
    # Not under the name of JSON, which bundlers read and write anew.
    local model
    for model in blazeface facemesh; do cp "$human/models/$model.json" "$faces/$model.txt"; done
    # Without the address of its source map, which is not shipped, and without what it uses in Node, for which bundlers
    # install other packages.
    {
        printf 'var process, Buffer, __filename, require;\n'
        sed '/^\/\/# sourceMappingURL=/d' "$human/dist/human.esm.js"
    } >"$faces/human.esm.js"
    list_files "$faces"
    # Zip files, for the page, which loads it when one is asked for. Under the MIT licence.
    local zip=node_modules/client-zip
    mkdir -p target/dist/vendor
    cp "$zip/index.js" target/dist/vendor/client-zip.js
    cp "$zip/LICENSE.txt" target/dist/vendor/client-zip.LICENSE.txt
    write_release
}

# The list of target/dist's files with their SHA-256, by which service_worker.js keeps and verifies
# them. It is to be written again after a change in that folder.
write_release() {
    local list
    list=$(cd target/dist && find . -type f ! -name service_worker.js ! -name release.js |
        sed 's|^\./||' | LC_ALL=C sort | tr '\n' '\0' | xargs -0 $sha256)
    {
        printf '// Written by build.sh: SHA-256 of the files of this release.\nself.release = {\n'
        sed 's/^\([0-9a-f]*\)  \(.*\)$/  "\2": "\1",/' <<<"$list"
        printf '};\n'
    } >target/dist/release.js
}

build() {
    set_up_rust
    set_up_node
    set_up_wasm_bindgen
    local name features rustflags
    # Not from standard input, which cargo reads.
    while read -r name features rustflags <&3; do
        build_module "$name" "$features" "$rustflags"
    done 3< <(modules)
    assemble_dist
}

run_tests() {
    set_up_rust
    set_up_node
    set_up_nextest
    set_up_chromium
    set_up_vulkan
    set_up_examples
    say "formatting"
    cargo fmt --all --check
    say "clippy"
    cargo clippy --quiet --locked --workspace --features nijigen/gpu --all-targets -- -D warnings
    local features name
    for features in $(modules | awk '{ print $2 }' | sort -u); do
        cargo clippy --quiet --locked --lib --target wasm32-unknown-unknown \
            --no-default-features --features "$features" -- -D warnings
    done
    say "Rust tests"
    cargo nextest run --locked --workspace --features nijigen/gpu
    # Relaxed SIMD needs a flag in Node 20, which later versions do not know.
    local runner="node --no-warnings" flag=--experimental-wasm-relaxed-simd
    if node "$flag" -e 0 2>/dev/null; then runner+=" $flag"; fi
    for name in "" +simd128 +simd128,+relaxed-simd; do
        say "kernels in WebAssembly ${name:-without SIMD}"
        RUSTFLAGS="${name:+-C target-feature=$name}" \
            CARGO_TARGET_WASM32_WASIP1_RUNNER="$runner tests/wasi.mjs" \
            cargo test --quiet --locked --lib --target wasm32-wasip1 --target-dir target/wasi \
            --no-default-features --features cpu kernels
    done
    build
    # Against the modules' own declarations, too.
    say "JavaScript types"
    node_modules/.bin/tsc -p tsconfig.json
    say "browser tests"
    node --test --test-concurrency=1 tests/browser/*.test.mjs
}

case "${1:-}" in
serve)
    build
    exec node www/server.mjs target/dist "${@:2}"
    ;;
test) run_tests ;;
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
    cargo build --quiet --locked -p trainer
    node benches/browser.mjs "${@:2}"
    ;;
fmt) cargo fmt --all ;;
*)
    cat <<'USAGE'
usage: ./build.sh serve [--port N]   set up, build, and serve the page
       ./build.sh test               set up and run all tests
       ./build.sh build              build the page into target/dist
       ./build.sh dist               assemble target/dist again from what is built
       ./build.sh compress           compress target/dist ahead, for hosts that send such copies
       ./build.sh pack               build the npm package into target/package, and its tarball
       ./build.sh bench [OPTIONS]    time the engine beside onnxruntime-web (benches/browser.mjs)
       ./build.sh fmt                format the Rust code
USAGE
    exit 2
    ;;
esac
