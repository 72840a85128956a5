//! Which APIs there are: the name of each Cloud Call, and how it goes over HTTP.

use http::Method;

use super::case::in_snake;

/// Every API that can be called. Source of each line: the API's page in WeChat's server
/// documentation.
#[rustfmt::skip]
static CATALOG: &[Api] = &[
    get("customerServiceMessage.getTempMedia", "/cgi-bin/media/get", &[query("mediaId")]).media(),
    post("customerServiceMessage.uploadTempMedia", "/cgi-bin/media/upload", &[query("type"), file("media")]),
    post("customerServiceMessage.send", "/cgi-bin/message/custom/send", &[json("touser"), json("msgtype")]),
    post("customerServiceMessage.setTyping", "/cgi-bin/message/custom/typing", &[json("touser"), json("command")]),
];

/// Every API, in the order of the catalog.
pub(crate) fn all() -> impl Iterator<Item = &'static Api> {
    CATALOG.iter()
}

/// One API: the name that functions call it by, and its HTTPS request.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// The required parameters: texts that must not be empty, and files.
    pub(crate) parameters: &'static [Parameter],
    /// The reply may be media instead of JSON.
    pub(crate) media: bool,
    /// The call may be made twice without harm, so that it is repeated when nobody knows whether
    /// it arrived. True of each GET.
    pub(crate) idempotent: bool,
}

/// One required parameter, by its name in a Cloud Call.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
}

impl Parameter {
    /// Whether this is its name as WeChat names it.
    pub(crate) fn is_named(&self, wire_name: &str) -> bool {
        in_snake(self.name).eq(wire_name.chars())
    }
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// `?name=value`, percent-encoded.
    Query,
    /// A field of the JSON body.
    Json,
    /// A file part of a multipart body.
    File,
}

impl Api {
    /// The API that functions call by this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        CATALOG.iter().find(|api| api.name == name)
    }

    /// Where the parameter of this wire name goes. One that is not listed goes into the query of
    /// a GET and into the JSON of a POST: WeChat adds parameters over time.
    pub(crate) fn place_of(&self, wire_name: &str) -> Place {
        let listed = self
            .parameters
            .iter()
            .find(|parameter| parameter.is_named(wire_name));
        match listed {
            Some(parameter) => parameter.place,
            None if self.method == Method::GET => Place::Query,
            None => Place::Json,
        }
    }

    const fn media(mut self) -> Self {
        self.media = true;
        self
    }

    /// For a POST that only reads.
    const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }
}

const fn get(name: &'static str, path: &'static str, parameters: &'static [Parameter]) -> Api {
    api(Method::GET, name, path, parameters).idempotent()
}

const fn post(name: &'static str, path: &'static str, parameters: &'static [Parameter]) -> Api {
    api(Method::POST, name, path, parameters)
}

const fn api(
    method: Method,
    name: &'static str,
    path: &'static str,
    parameters: &'static [Parameter],
) -> Api {
    Api {
        name,
        method,
        path,
        parameters,
        media: false,
        idempotent: false,
    }
}

const fn query(name: &'static str) -> Parameter {
    Parameter {
        name,
        place: Place::Query,
    }
}

const fn json(name: &'static str) -> Parameter {
    Parameter {
        name,
        place: Place::Json,
    }
}

const fn file(name: &'static str) -> Parameter {
    Parameter {
        name,
        place: Place::File,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::names;

    #[test]
    fn every_entry_is_a_documented_name_and_a_path() {
        for api in CATALOG {
            assert!(names::is_known(api.name), "{}", api.name);
            assert!(api.path.starts_with('/'), "{}", api.name);
            assert!(
                std::ptr::eq(Api::find(api.name).expect("listed"), api),
                "{} is twice",
                api.name
            );
        }
    }

    #[test]
    fn only_calls_that_read_may_be_repeated_blindly() {
        for api in CATALOG {
            let reads = api.method == Method::GET;
            assert_eq!(api.idempotent, reads, "{}", api.name);
        }
    }
}
