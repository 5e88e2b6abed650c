//! A WebGPU device, and the news of what goes wrong on it.
//!
//! WebGPU does not say with a call whether it went well: errors come later, to whoever listens, and what was computed
//! meanwhile is silently wrong. So whatever is asked of a device is followed by [`GpuDevice::check`] before anybody sees
//! a result.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;
use futures_lite::future;
use futures_util::FutureExt;
use futures_util::future::Shared;

use super::failed;
use super::kernel::{Kernel, Storage};
use super::pace::Pace;
use super::pipelines::Pipelines;
use crate::error::{Error, Result};

/// What a device may be asked for, beyond what the adapter says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuLimits {
    /// Bytes of one buffer, if fewer are to be used than there may be.
    pub buffer_bytes: Option<u64>,
    /// Bytes of a buffer that a shader sees at a time, likewise.
    pub binding_bytes: Option<u64>,
}

/// Tells milliseconds since some moment.
pub type Clock = fn() -> f64;

/// A device, shared by the networks on it.
#[derive(Clone)]
pub struct GpuDevice {
    shared: Rc<Inner>,
}

struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    adapter: wgpu::AdapterInfo,
    limits: wgpu::Limits,
    trouble: Arc<Mutex<Option<String>>>,
    lost: Shared<oneshot::Receiver<String>>,
    pipelines: Pipelines,
    pace: Cell<Pace>,
    now: Clock,
}

impl GpuDevice {
    /// Acquires the adapter that the system takes for its fastest, with all that it can hold unless `limits` say less.
    /// Whether it is acceptable is the caller's decision: one that is emulated in software is slower than the CPU engine.
    ///
    /// # Errors
    /// [`Error::EngineFailed`] if there is no adapter or device, or it lacks what the engine needs.
    pub async fn acquire(limits: GpuLimits, now: Clock) -> Result<Self> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = wgpu::Backends::BROWSER_WEBGPU
            | wgpu::Backends::VULKAN
            | wgpu::Backends::METAL
            | wgpu::Backends::DX12;
        let adapter = wgpu::Instance::new(descriptor)
            .request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                ..Default::default()
            })
            .await
            .map_err(|error| failed(format!("there is no adapter: {error}")))?;
        let required_limits = required_limits(&adapter.limits(), limits)?;
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("nijigen"),
                required_limits: required_limits.clone(),
                ..Default::default()
            })
            .await
            .map_err(|error| failed(format!("there is no device: {error}")))?;
        let trouble = Arc::new(Mutex::new(None));
        let heard = trouble.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            // The first one is the cause of the others.
            lock(&heard).get_or_insert_with(|| error.to_string());
        }));
        let (sender, receiver) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        device.set_device_lost_callback(move |reason, message| {
            if let Some(sender) = lock(&sender).take() {
                // Nobody listens if no picture is being made; the next one will hear of it.
                let _ = sender.send(format!("{reason:?}: {message}"));
            }
        });
        let pipelines = Pipelines::new(&device);
        Ok(Self {
            shared: Rc::new(Inner {
                device,
                queue,
                adapter: adapter.get_info(),
                limits: required_limits,
                trouble,
                lost: receiver.shared(),
                pipelines,
                pace: Cell::default(),
                now,
            }),
        })
    }

    /// The adapter's name and what drives it, for reports.
    pub fn description(&self) -> String {
        let wgpu::AdapterInfo {
            name,
            driver_info,
            backend,
            ..
        } = &self.shared.adapter;
        [name.clone(), driver_info.clone(), format!("{backend:?}")]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    }

    pub(super) fn device(&self) -> &wgpu::Device {
        &self.shared.device
    }

    pub(super) fn queue(&self) -> &wgpu::Queue {
        &self.shared.queue
    }

    pub(super) fn limits(&self) -> &wgpu::Limits {
        &self.shared.limits
    }

    pub(super) fn pipelines(&self) -> &Pipelines {
        &self.shared.pipelines
    }

    /// Milliseconds since some moment.
    pub(super) fn now(&self) -> f64 {
        (self.shared.now)()
    }

    pub(super) fn pace(&self) -> Pace {
        self.shared.pace.get()
    }

    pub(super) fn set_pace(&self, pace: Pace) {
        self.shared.pace.set(pace);
    }

    /// Compiles what is missing.
    ///
    /// # Errors
    /// [`Error::EngineFailed`] with what the compiler says.
    pub(super) async fn prepare(
        &self,
        kernels: impl IntoIterator<Item = Kernel>,
        storage: Storage,
    ) -> Result<()> {
        let made = self.checked(|| self.pipelines().prepare(self.device(), kernels, storage));
        made.await
    }

    /// Does `work`, and hears of its errors of every kind before anybody uses what it made.
    ///
    /// # Errors
    /// [`Error::EngineFailed`] with the first of them; [`Error::GpuCapacity`] if there was too little memory.
    pub(super) async fn checked<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        let scopes = [
            wgpu::ErrorFilter::Validation,
            wgpu::ErrorFilter::OutOfMemory,
            wgpu::ErrorFilter::Internal,
        ]
        .map(|filter| self.device().push_error_scope(filter));
        let made = work();
        // They end in the reverse order; none is waited for before all have ended.
        let [validation, memory, internal] = scopes;
        let ended = [
            internal.pop().boxed_local(),
            memory.pop().boxed_local(),
            validation.pop().boxed_local(),
        ];
        for error in ended {
            match error.await {
                None => {}
                Some(error @ wgpu::Error::OutOfMemory { .. }) => {
                    return Err(Error::GpuCapacity(error.to_string()));
                }
                Some(error) => return Err(failed(error.to_string())),
            }
        }
        self.check()?;
        Ok(made)
    }

    /// Whether nothing went wrong so far that nobody caught.
    ///
    /// # Errors
    /// [`Error::EngineFailed`] with what did; [`Error::GpuLost`] if the device is gone.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(Ok(reason)) = self.shared.lost.clone().now_or_never() {
            return Err(Error::GpuLost(reason));
        }
        match &*lock(&self.shared.trouble) {
            Some(what) => Err(failed(what.clone())),
            None => Ok(()),
        }
    }

    /// Does `work` unless the device is lost meanwhile: what waits for a lost device may wait for ever.
    ///
    /// # Errors
    /// [`Error::GpuLost`], or those of `work`.
    pub(super) async fn unless_lost<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let lost = async {
            match self.shared.lost.clone().await {
                Ok(reason) => Err(Error::GpuLost(reason)),
                // The callback was dropped without being called.
                Err(_) => future::pending().await,
            }
        };
        match future::or(lost, work).await {
            Err(error @ (Error::Cancelled | Error::GpuLost(_))) => Err(error),
            // The loss may be the reason for what failed.
            Err(error) => Err(self.check().err().unwrap_or(error)),
            Ok(value) => Ok(value),
        }
    }

    /// Waits until all that was submitted is done.
    ///
    /// # Errors
    /// [`Error::EngineFailed`] if the device says so.
    pub(super) async fn done(&self) -> Result<()> {
        let (sender, receiver) = oneshot::channel();
        self.queue().on_submitted_work_done(move || {
            // A run that was given up does not listen.
            let _ = sender.send(());
        });
        self.poll()?;
        receiver
            .await
            .map_err(|_| failed("the device never answered".into()))
    }

    /// Natively, nothing happens until somebody polls; in a browser this does nothing.
    pub(super) fn poll(&self) -> Result<()> {
        let polled = self.device().poll(wgpu::PollType::wait_indefinitely());
        polled
            .map(|_| ())
            .map_err(|error| failed(error.to_string()))
    }
}

/// The adapter's limits as far as they matter, lowered to what is wanted.
fn required_limits(adapter: &wgpu::Limits, wanted: GpuLimits) -> Result<wgpu::Limits> {
    let mut limits = wgpu::Limits::default();
    let least = |value: u64, wanted: Option<u64>| wanted.unwrap_or(u64::MAX).min(value);
    limits.max_buffer_size = least(adapter.max_buffer_size, wanted.buffer_bytes);
    limits.max_storage_buffer_binding_size = least(
        adapter.max_storage_buffer_binding_size,
        wanted.binding_bytes,
    )
    .min(limits.max_buffer_size);
    for (name, has, needs) in [
        (
            "storage buffers in a shader",
            adapter.max_storage_buffers_per_shader_stage,
            limits.max_storage_buffers_per_shader_stage,
        ),
        (
            "bytes of a workgroup's memory",
            adapter.max_compute_workgroup_storage_size,
            limits.max_compute_workgroup_storage_size,
        ),
    ] {
        if has < needs {
            return Err(failed(format!(
                "the adapter offers {has} {name}, expected at least {needs}"
            )));
        }
    }
    // Such adapters lack nothing of the rest that the engine uses.
    Ok(limits.or_worse_values_from(adapter))
}

/// Nothing that is locked here is left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
