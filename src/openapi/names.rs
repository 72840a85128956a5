//! The names of WeChat's Cloud Calls, so that a misspelt one can be pointed out.
//!
//! Being listed here says only that WeChat documents the name for Cloud Calls; what cloudcall can
//! call is in the catalog.
//!
//! Public for the tools of this project; no part of the SDK's promise.

/// Every documented name, by category.
const NAMES: &[(&str, &[&str])] = &[
    (
        "analysis",
        &[
            "getDailyRetain",
            "getDailySummary",
            "getDailyVisitTrend",
            "getMonthlyRetain",
            "getMonthlyVisitTrend",
            "getUserPortrait",
            "getVisitDistribution",
            "getVisitPage",
            "getWeeklyRetain",
            "getWeeklyVisitTrend",
        ],
    ),
    ("auth", &["checkEncryptedData", "getPaidUnionId"]),
    (
        "customerServiceMessage",
        &["getTempMedia", "send", "setTyping", "uploadTempMedia"],
    ),
    (
        "immediateDelivery",
        &[
            "abnormalConfirm",
            "addOrder",
            "addTip",
            "bindAccount",
            "cancelOrder",
            "getAllImmeDelivery",
            "getBindAccount",
            "getOrder",
            "mockUpdateOrder",
            "openDelivery",
            "preAddOrder",
            "preCancelOrder",
            "realMockUpdateOrder",
            "reOrder",
            "updateOrder",
        ],
    ),
    ("img", &["aiCrop", "scanQRCode", "superresolution"]),
    ("internet", &["getUserEncryptKey"]),
    (
        "logistics",
        &[
            "addOrder",
            "batchGetOrder",
            "bindAccount",
            "cancelOrder",
            "getAllAccount",
            "getAllDelivery",
            "getContact",
            "getOrder",
            "getPath",
            "getPrinter",
            "getQuota",
            "previewTemplate",
            "testUpdateOrder",
            "updateBusiness",
            "updatePath",
            "updatePrinter",
        ],
    ),
    ("nearbyPoi", &["add", "delete", "getList", "setShowStatus"]),
    (
        "ocr",
        &[
            "bankcard",
            "businessLicense",
            "driverLicense",
            "idcard",
            "printedText",
            "vehicleLicense",
        ],
    ),
    ("phonenumber", &["getPhoneNumber"]),
    (
        "pluginManager",
        &[
            "applyPlugin",
            "getPluginDevApplyList",
            "getPluginList",
            "setDevPluginApplyStatus",
            "unbindPlugin",
        ],
    ),
    ("riskControl", &["getUserRiskRank"]),
    ("search", &["imageSearch", "siteSearch", "submitPages"]),
    (
        "security",
        &["imgSecCheck", "mediaCheckAsync", "msgSecCheck"],
    ),
    ("serviceMarket", &["invokeService"]),
    ("shortlink", &["generate"]),
    ("soter", &["verifySignature"]),
    (
        "subscribeMessage",
        &[
            "addTemplate",
            "deleteTemplate",
            "getCategory",
            "getPubTemplateKeyWordsById",
            "getPubTemplateTitleList",
            "getTemplateList",
            "send",
        ],
    ),
    (
        "templateMessage",
        &[
            "addTemplate",
            "deleteTemplate",
            "getTemplateLibraryById",
            "getTemplateLibraryList",
            "getTemplateList",
            "send",
        ],
    ),
    ("uniformMessage", &["send"]),
    ("updatableMessage", &["createActivityId", "setUpdatableMsg"]),
    ("urllink", &["generate", "query"]),
    ("urlscheme", &["generate", "query"]),
    ("wxacode", &["createQRCode", "get", "getUnlimited"]),
];

pub(crate) fn all() -> impl Iterator<Item = String> {
    NAMES.iter().flat_map(|(category, methods)| {
        methods
            .iter()
            .map(move |method| format!("{category}.{method}"))
    })
}

/// Whether WeChat documents a Cloud Call of this name.
pub fn is_known(name: &str) -> bool {
    name.split_once('.').is_some_and(|(category, method)| {
        NAMES
            .iter()
            .any(|(known, methods)| *known == category && methods.contains(&method))
    })
}

/// The known name that is spelt most like this one, if any is near.
pub fn nearest(name: &str) -> Option<String> {
    /// At 0.8, a swapped pair or a missing letter is near, another method of the category is not.
    const NEAR: f64 = 0.8;

    // The measure is quadratic in the length, and no name is anywhere near as long.
    if name.len() > 200 {
        return None;
    }
    let length = name.chars().count();
    // Names of other lengths cannot be as near, and the measure is slow: a file may be full of them.
    let can_be_near = |known: &String| {
        let longer = length.max(known.len());
        length.abs_diff(known.len()) as f64 <= (1.0 - NEAR) * longer as f64 + 0.001
    };
    all()
        .filter(can_be_near)
        .map(|known| (strsim::normalized_damerau_levenshtein(&known, name), known))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// The typed functions of this crate: each by its path below `openapi`, and the API it calls.
pub const TYPED: &[(&str, &str)] = &[
    (
        "customer_service_message::get_temp_media",
        "customerServiceMessage.getTempMedia",
    ),
    (
        "customer_service_message::get_temp_media_to",
        "customerServiceMessage.getTempMedia",
    ),
    (
        "customer_service_message::get_temp_media_to_file",
        "customerServiceMessage.getTempMedia",
    ),
    (
        "customer_service_message::send",
        "customerServiceMessage.send",
    ),
    (
        "customer_service_message::set_typing",
        "customerServiceMessage.setTyping",
    ),
    (
        "customer_service_message::upload_temp_media",
        "customerServiceMessage.uploadTempMedia",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::{case::snake, catalog::Api};
    use std::path::Path;

    #[test]
    fn every_typed_function_is_listed() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/openapi");
        let mut found = Vec::new();
        for folder in std::fs::read_dir(source).expect("the folder") {
            let folder = folder.expect("an entry").path();
            if !folder.is_dir() {
                continue;
            }
            let module = folder.file_name().and_then(|name| name.to_str());
            for file in std::fs::read_dir(&folder).expect("the folder") {
                let file = file.expect("an entry").path();
                if file.file_stem().is_some_and(|name| name == "tests") {
                    continue;
                }
                let text = std::fs::read_to_string(file).expect("a source");
                for line in text.lines() {
                    if let Some(rest) = line.strip_prefix("pub async fn ") {
                        let name = rest.split(['(', '<']).next().expect("a name");
                        found.push(format!("{}::{name}", module.expect("UTF-8")));
                    }
                }
            }
        }
        found.sort();
        let listed: Vec<_> = TYPED.iter().map(|(path, _)| *path).collect();
        assert_eq!(found, listed);
    }

    #[test]
    fn a_typed_function_is_named_after_its_api() {
        for (path, api) in TYPED {
            let (category, method) = api.split_once('.').expect("a name");
            assert!(Api::find(api).is_some(), "{api}");
            assert!(
                path.starts_with(&format!("{}::{}", snake(category), snake(method))),
                "{path}"
            );
        }
    }

    #[test]
    fn near_names_are_found() {
        for (name, expected) in [
            (
                "customerServiceMessage.getTmpMedia",
                Some("customerServiceMessage.getTempMedia"),
            ),
            (
                "customServiceMessage.send",
                Some("customerServiceMessage.send"),
            ),
            ("wxacode.getunlimited", Some("wxacode.getUnlimited")),
            ("wxacode.set", Some("wxacode.get")),
            ("database.collection", None),
            ("", None),
        ] {
            assert_eq!(nearest(name).as_deref(), expected, "{name}");
            assert!(!is_known(name), "{name}");
        }
        assert!(is_known("wxacode.getUnlimited"));
    }
}
