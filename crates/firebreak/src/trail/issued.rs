//! Credentials that a call made.

use super::record::Record;
use crate::ids::AccessKeyId;

/// The access key in the answer: of a user, or of a session.
pub(super) fn key(record: &Record) -> Option<AccessKeyId> {
    let path = match (record.source.as_str(), record.name.as_str()) {
        ("sts.amazonaws.com", _) | ("signin.amazonaws.com", "GetSigninToken") => "/credentials/accessKeyId",
        ("iam.amazonaws.com", "CreateAccessKey") => "/accessKey/accessKeyId",
        _ => return None,
    };
    record.answered(path).and_then(|id| AccessKeyId::parse(id).ok())
}

/// Calls that give a user a lasting credential: the call, what its answer calls the credential, and the credential's id.
const LASTING: [(&str, &str, &str); 4] = [
    ("CreateAccessKey", "/accessKey", "/accessKeyId"),
    ("CreateServiceSpecificCredential", "/serviceSpecificCredential", "/serviceSpecificCredentialId"),
    ("UploadSSHPublicKey", "/sSHPublicKey", "/sSHPublicKeyId"),
    ("UploadSigningCertificate", "/certificate", "/certificateId"),
];

/// A credential of a user that is there until somebody takes it away.
pub(super) struct Lasting<'a> {
    /// Whose, if the record says so. Without a name, IAM takes the caller.
    pub(super) user: Option<&'a str>,
    /// As IAM lists it: word characters.
    pub(super) id: &'a str,
}

/// The lasting credential that a call made.
pub(super) fn lasting(record: &Record) -> Option<Lasting<'_>> {
    let (_, whole, id) = LASTING.iter().find(|(event, ..)| record.source == "iam.amazonaws.com" && record.name == *event)?;
    let id = record.answered(&format!("{whole}{id}")).filter(|id| is_credential_id(id))?;
    Some(Lasting { user: record.answered(&format!("{whole}/userName")).or_else(|| record.asked("/userName")), id })
}

/// IAM's ids of credentials are 16 to 128 word characters (IAM API reference, `AccessKey`, `SSHPublicKey`).
fn is_credential_id(id: &str) -> bool {
    (16..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
