//! AES-256-GCM for the secrets that Python keeps, by the library that TLS has here already.
//!
//! Python's own (`cryptography`) brings a whole OpenSSL: 8 MiB of a gateway, which encrypts a file of flows and nothing else.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::raised;

/// A nonce drawn for this text, then the ciphertext with its tag.
#[pyfunction]
pub(super) fn encrypt<'py>(py: Python<'py>, key: &[u8], plain: &[u8], context: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let key = key_of(key)?;
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new()
        .fill(&mut nonce)
        .map_err(|_| raised("the system gives no random numbers"))?;
    let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(context),
            &mut sealed[NONCE_LEN..],
        )
        .map_err(|_| raised("too long to be encrypted"))?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(PyBytes::new(py, &sealed))
}

/// What `encrypt` was given for the same context; `ValueError` for anything else.
#[pyfunction]
pub(super) fn decrypt<'py>(
    py: Python<'py>,
    key: &[u8],
    sealed: &[u8],
    context: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let damaged = || PyValueError::new_err("authentication failed");
    let key = key_of(key)?;
    let (nonce, ciphertext) = sealed.split_first_chunk().ok_or_else(damaged)?;
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    let plain = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut plain)
        .map_err(|_| damaged())?;
    Ok(PyBytes::new(py, plain))
}

fn key_of(bytes: &[u8]) -> PyResult<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, bytes)
        .map(LessSafeKey::new)
        .map_err(|_| PyValueError::new_err("a key has 32 bytes"))
}
