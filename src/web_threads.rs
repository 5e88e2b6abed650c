//! Threads in the browser: workers that run this module on the same memory.
//!
//! JavaScript starts the workers, each of which calls [`run_thread`]; then [`start_threads`] hands
//! every one of them a thread of rayon's pool.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadBuilder, ThreadPoolBuilder};
use wasm_bindgen::prelude::*;

/// Threads that wait for a worker.
static WAITING: Mutex<Vec<ThreadBuilder>> = Mutex::new(Vec::new());
static ADDED: Condvar = Condvar::new();

fn waiting() -> MutexGuard<'static, Vec<ThreadBuilder>> {
    // The list is whole at every moment.
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Becomes a thread of the pool, for ever. Call it in a worker of its own.
#[wasm_bindgen]
pub fn run_thread() {
    let mut list = waiting();
    let thread = loop {
        match list.pop() {
            Some(thread) => break thread,
            None => list = ADDED.wait(list).unwrap_or_else(PoisonError::into_inner),
        }
    };
    drop(list);
    thread.run();
}

/// Builds the pool, once. `count` workers must be calling [`run_thread`].
#[wasm_bindgen]
pub fn start_threads(count: usize) -> Result<(), JsError> {
    ThreadPoolBuilder::new()
        .num_threads(count)
        .spawn_handler(|thread| {
            waiting().push(thread);
            ADDED.notify_one();
            Ok(())
        })
        .build_global()?;
    Ok(())
}
