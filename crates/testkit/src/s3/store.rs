//! Objects, and uploads that are on their way to become some.
use super::http::Reply;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) objects: BTreeMap<String, Vec<u8>>,
    pub(super) uploads: BTreeMap<String, Upload>,
    begun: u32,
}

#[derive(Debug)]
pub(super) struct Upload {
    key: String,
    parts: BTreeMap<u32, Vec<u8>>,
    /// Was it begun two days ago?
    pub(super) old: bool,
}

fn tag(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    format!("\"{}\"", digest[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn no_upload() -> Reply {
    Reply::error(404, "NoSuchUpload", "The specified upload does not exist.")
}

impl Store {
    pub(super) fn put(&mut self, key: &str, content: Vec<u8>) -> Reply {
        let tag = tag(&content);
        self.objects.insert(key.to_owned(), content);
        Reply::ok("").with("ETag", tag)
    }

    pub(super) fn get(&self, key: &str, range: Option<&str>) -> Reply {
        let Some(content) = self.objects.get(key) else {
            return Reply::error(404, "NoSuchKey", "The specified key does not exist.");
        };
        let from = range.and_then(|it| it.strip_prefix("bytes=")?.split('-').next()?.parse::<usize>().ok());
        match from {
            None => Reply::ok(content.clone()).with("ETag", tag(content)),
            Some(from) if from >= content.len() => Reply::error(416, "InvalidRange", "not satisfiable"),
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
                let reply = Reply::ok(content[from..].to_vec()).with("Content-Range", range);
                Reply { status: 206, ..reply }
            }
        }
    }

    pub(super) fn delete(&mut self, key: &str) -> Reply {
        self.objects.remove(key);
        Reply { status: 204, ..Reply::ok("") }
    }

    pub(super) fn list(&self, prefix: &str, token: &str, page: usize) -> Reply {
        let fitting: Vec<_> =
            self.objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > token).collect();
        let shown = &fitting[..fitting.len().min(page)];
        let contents = shown.iter().map(|(key, content)| {
            let (key, tag) = (escaped(key), escaped(&tag(content)));
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><ETag>{tag}</ETag><Size>{}</Size></Contents>",
                content.len()
            )
        });
        let more = match shown.last().filter(|_| fitting.len() > page) {
            Some((key, _)) => format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(key)),
            None => String::new(),
        };
        Reply::ok(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><KeyCount>{}</KeyCount><IsTruncated>{}</IsTruncated>{more}{}</ListBucketResult>",
            shown.len(),
            fitting.len() > page,
            contents.collect::<String>()
        ))
    }

    pub(super) fn list_uploads(&self, prefix: &str) -> Reply {
        let uploads = self.uploads.iter().filter(|(_, upload)| upload.key.starts_with(prefix)).map(|(id, upload)| {
            let begun = if upload.old { "2020-01-01T00:00:00.000Z" } else { "2999-01-01T00:00:00.000Z" };
            let key = escaped(&upload.key);
            format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{begun}</Initiated></Upload>")
        });
        Reply::ok(format!(
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{}</ListMultipartUploadsResult>",
            uploads.collect::<String>()
        ))
    }

    pub(super) fn begin_upload(&mut self, key: &str) -> Reply {
        self.begun += 1;
        let id = format!("upload-{}", self.begun);
        self.uploads.insert(id.clone(), Upload { key: key.to_owned(), parts: BTreeMap::new(), old: false });
        Reply::ok(format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"))
    }

    pub(super) fn put_part(&mut self, id: &str, number: &str, content: Vec<u8>) -> Reply {
        let (Some(upload), Ok(number)) = (self.uploads.get_mut(id), number.parse()) else { return no_upload() };
        let tag = tag(&content);
        upload.parts.insert(number, content);
        Reply::ok("").with("ETag", tag)
    }

    pub(super) fn complete_upload(&mut self, key: &str, id: &str, body: &[u8]) -> Reply {
        let Some(upload) = self.uploads.remove(id) else { return no_upload() };
        let named: Vec<_> = upload.parts.values().map(|part| escaped(&tag(part))).collect();
        let text = String::from_utf8_lossy(body);
        if named.iter().any(|tag| !text.contains(tag.as_str())) || text.matches("<Part>").count() != named.len() {
            return Reply::error(400, "InvalidPart", "One or more of the specified parts could not be found.");
        }
        self.objects.insert(key.to_owned(), upload.parts.into_values().flatten().collect());
        Reply::ok("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")
    }

    pub(super) fn abort_upload(&mut self, id: &str) -> Reply {
        match self.uploads.remove(id) {
            Some(_) => Reply { status: 204, ..Reply::ok("") },
            None => no_upload(),
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
