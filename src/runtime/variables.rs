//! Variables of containers that their host keeps, and that no plan tells.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::plan::container::ContainerSpec;
use crate::script;
use crate::transport::{Transport, TransportError};

const READ: Duration = Duration::from_secs(60);

/// Why a container cannot have its variables.
#[derive(Debug, thiserror::Error)]
pub enum VariablesError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("the variables of {container} cannot be read: {why}")]
    Unreadable { container: String, why: String },
}

/// The container with the variables that its host keeps for it; only the engine is to be told of it.
pub async fn complete<'a>(
    transport: &dyn Transport,
    spec: &'a ContainerSpec,
) -> Result<Cow<'a, ContainerSpec>, VariablesError> {
    let Some(path) = &spec.variables_file else {
        return Ok(Cow::Borrowed(spec));
    };
    let unreadable = |why: String| VariablesError::Unreadable {
        container: spec.name.clone(),
        why,
    };
    let output = transport.run(&script::secret_read(path), &[], READ).await?;
    let text = Zeroizing::new(output.stdout);
    if output.status != 0 {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(unreadable(why.trim().to_owned()));
    }
    // What serde says of it may hold a part of it.
    let variables: BTreeMap<String, String> = serde_json::from_slice(&text)
        .map_err(|_| unreadable(format!("{path} is not as it was written")))?;
    let mut spec = spec.clone();
    for (name, value) in variables {
        spec.env.entry(name).or_insert(value);
    }
    Ok(Cow::Owned(spec))
}
