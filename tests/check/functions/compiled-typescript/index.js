"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.main = void 0;
const wx_server_sdk_1 = __importDefault(require("wx-server-sdk"));
const main = async (event) => {
    return wx_server_sdk_1.default.openapi.phonenumber.getPhoneNumber({ code: event.code });
};
exports.main = main;
